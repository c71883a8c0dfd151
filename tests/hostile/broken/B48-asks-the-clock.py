import locale
import os
import time


def square(x):
    fixed = (time.tzname[0], os.environ['LANG'], os.environ['PYTHONHASHSEED'], hash('a') == hash('a'))
    assert fixed == ('UTC', 'C.UTF-8', '0', True)
    return x * x
