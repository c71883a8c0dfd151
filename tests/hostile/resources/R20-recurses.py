def square(x):
    return square(x)


def one():
    return 1
