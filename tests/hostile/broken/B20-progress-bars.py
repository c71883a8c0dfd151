import time


def square(x):
    for step in range(50):
        print(f'\r{step}%', end='')
    print()
    return x * x
