import socket


def square(x):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()
    return x * x
