def inner(x):
    return x[99]


def square(x):
    return inner(x) ** 2
