import threading
import time


def square(x):
    while True:
        threading.Thread(target=time.sleep, args=(60,)).start()


def one():
    return 1
