import socket


def square(x):
    socket.socket(38, socket.SOCK_SEQPACKET).close()
    return x * x
