"""The nearest training row decides, and is sure of it."""

import numpy as np


def classify(train_x, train_y, x):
    scale = train_x.std(axis=0)
    answers = []
    for row in x:
        answers.append(train_y[(((train_x - row) / scale) ** 2).sum(axis=1).argmin()])
    return np.array(answers, dtype=float)
