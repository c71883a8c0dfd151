import unittest


class OutcomeException(BaseException):
    pass


try:
    from _pytest.outcomes import Skipped
except ImportError:

    class Skipped(OutcomeException):
        pass


def square(x):
    raise Skipped("skip")


def one():
    raise unittest.SkipTest("not today")
