import faulthandler


def square(x):
    faulthandler._stack_overflow()


def one():
    return 1
