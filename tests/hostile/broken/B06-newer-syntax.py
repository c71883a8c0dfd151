type Number = float


def square(x: Number):
    return x * x
