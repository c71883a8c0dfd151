def square(x):
    while True:
        print("spam " * 100)


def one():
    return 1
