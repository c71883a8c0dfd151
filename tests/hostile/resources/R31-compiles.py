import torch


def square(x):
    return torch.compile(lambda value: value * value)(x)


def one():
    return 1
