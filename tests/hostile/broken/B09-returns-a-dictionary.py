def square(x):
    return dict(enumerate(x * x))
