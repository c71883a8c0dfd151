from pathlib import Path


def square(x):
    assert Path(__file__).exists()
    return x * x
