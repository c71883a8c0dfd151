def square(x, power):
    return x**power
