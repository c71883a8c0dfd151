import socket


def square(x):
    socket.getaddrinfo("learner.example", 80)
    return x * x
