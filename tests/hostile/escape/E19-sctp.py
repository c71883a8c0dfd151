import socket


def square(x):
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132).close()
    return x * x
