from decimal import Decimal


def square(x):
    return [Decimal(float(value)) ** 2 for value in x]
