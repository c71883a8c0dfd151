import os


def square(x):
    os.write(2, bytes(range(256)) * 100)
    return x


def one():
    return 1
