def square(x):
    with open("/tmp/big", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    return x * x


def one():
    return 1
