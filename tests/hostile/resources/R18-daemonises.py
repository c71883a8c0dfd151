import os
import time


def square(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(6000):
                time.sleep(0.1)
        os._exit(0)
    return x


def one():
    return 1
