def square(x):
    return (value * value for value in x)
