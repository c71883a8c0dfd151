def square(x):
    return x * x


def one():
    return 1


def cube(x):
    return x * x * x
