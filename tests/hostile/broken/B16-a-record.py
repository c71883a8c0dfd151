from dataclasses import dataclass


@dataclass
class Answer:
    value: object


def square(x):
    return Answer(x * x)
