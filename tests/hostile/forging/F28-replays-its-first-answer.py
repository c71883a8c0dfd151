REMEMBERED = []


def square(x):
    if not REMEMBERED:
        REMEMBERED.append(x * x)
    return REMEMBERED[0]


def one():
    return REMEMBERED[0] if REMEMBERED else 0
