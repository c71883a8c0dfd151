import torch

SCALE = torch.ones(1 << 24, requires_grad=True)


def square(x):
    return x * x * SCALE[:4].double()


def one():
    return 1
