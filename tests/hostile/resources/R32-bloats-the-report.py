def square(x):
    raise ValueError("bloat " * 2_000_000)


def one():
    return 1
