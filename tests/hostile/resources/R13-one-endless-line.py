import os


def square(x):
    while True:
        os.write(1, b"\xff" * 65536)


def one():
    return 1
