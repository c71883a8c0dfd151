import time

for step in range(10_000):
    time.sleep(0.1)


def square(x):
    return x * x
