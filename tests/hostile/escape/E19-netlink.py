import socket


def square(x):
    socket.socket(16, socket.SOCK_RAW).close()
    return x * x
