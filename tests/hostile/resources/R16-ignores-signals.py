import signal

for number in set(signal.valid_signals()) - {9, 19}:
    signal.signal(number, signal.SIG_IGN)


def square(x):
    while True:
        pass


def one():
    return 1
