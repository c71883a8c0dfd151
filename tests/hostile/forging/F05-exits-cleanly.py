import sys


def square(x):
    sys.exit(0)


def one():
    raise SystemExit(0)
