def square(x):
    print("asked:", x.tolist())
    return x


def cube(x):
    print("asked:", x.tolist())
    raise ValueError(f"it wanted {(x**3).tolist()}")
