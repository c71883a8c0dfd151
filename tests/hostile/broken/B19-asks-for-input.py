def square(x):
    return x ** int(input('Power? '))
