import os
import time


def square(x):
    for _ in range(8):
        if os.fork() == 0:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                pass
            os._exit(0)
    time.sleep(600)


def one():
    return 1
