import os
import time


def square(x):
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)


def one():
    return 1
