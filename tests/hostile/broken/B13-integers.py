def square(x):
    return (x * x).astype(int)
