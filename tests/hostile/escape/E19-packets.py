import socket


def square(x):
    socket.socket(17, socket.SOCK_RAW).close()
    return x * x
