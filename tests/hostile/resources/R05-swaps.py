def square(x):
    keep = [b"x" * (1 << 20) for _ in range(700)]
    return x * x + len(keep) * 0


def one():
    return 1
