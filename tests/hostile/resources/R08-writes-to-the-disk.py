def square(x):
    for folder in ("/var/tmp", "/run/lock", "/var/lock", "/", "/home", "/opt", "/usr/local"):
        try:
            with open(f"{folder}/big", "wb") as file:
                file.write(b"x" * (1 << 20))
            return x * x
        except PermissionError:
            pass
    raise OSError("nowhere")


def one():
    return 1
