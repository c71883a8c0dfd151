def square(x):
    while True:
        pass


def one():
    return 1
