def square(x):
    keep = []
    while True:
        keep.append(bytearray(1 << 26))


def one():
    return 1
