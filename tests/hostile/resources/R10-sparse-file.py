import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def square(x):
    with open("/tmp/sparse", "wb") as file:
        file.truncate(1 << 40)
    return x * x


def one():
    return 1
