import sys
import warnings


def square(x):
    warnings.warn('deprecated', stacklevel=1)
    print('a message', file=sys.stderr)
    return x * x
