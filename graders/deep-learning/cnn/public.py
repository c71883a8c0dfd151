"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np
from torch.nn import functional

from harness.grading import assert_close, check, expect_number, wrong

EXACT = {"rtol": 1e-9, "atol": 1e-9}


# ---- convolution -----------------------------------------------------------------------------


@check(points=3, hint="multiply each window by the kernel as it is, unflipped; add up over channels, too")
def test_convolves(network, draw):
    """conv2d multiplies every window with every kernel"""
    x, weight, bias = draw(2, 3, 6, 7), draw(4, 3, 3, 3), draw(4)
    truth = functional.conv2d(x, weight, bias)
    assert_close(network.conv2d(x, weight, bias), truth, **EXACT, what="conv2d(x, weight, bias)")


@check(
    points=3,
    needs=test_convolves,
    hint="zeros on all four sides; then every stride-th window, from the first",
)
def test_strides_and_pads(network, draw):
    """A stride skips places, and padding adds some"""
    x, weight, bias = draw(2, 2, 8, 9), draw(3, 2, 3, 3), draw(3)
    for stride, padding in ((2, 0), (1, 1), (2, 2), (3, 1)):
        answer = network.conv2d(x, weight, bias, stride=stride, padding=padding)
        truth = functional.conv2d(x, weight, bias, stride=stride, padding=padding)
        assert_close(answer, truth, **EXACT, what=f"conv2d with stride {stride} and padding {padding}")


# ---- pooling ---------------------------------------------------------------------------------


@check(points=3, hint="the largest value of each window, which may be below 0")
def test_pools(network, apart):
    """max_pool2d keeps the largest value of each window"""
    for size in (2, 3):
        x = apart(2, 3, 6, 12)
        answer = network.max_pool2d(x, size, size)
        assert_close(answer, functional.max_pool2d(x, size), **EXACT, what=f"max_pool2d(x, {size}, {size})")


# ---- what a place sees -----------------------------------------------------------------------


@check(points=3, hint="each layer adds size - 1 steps; a step is as long as all strides before it together")
def test_knows_what_a_place_sees(network, rng):
    """receptive_field counts the rows that reach one place of the output"""
    for depth in (0, 1, 2, 3, 5):
        layers = [(int(rng.integers(2, 6)), int(rng.integers(2, 4))) for _ in range(depth)]
        answer = expect_number(network.receptive_field(layers), what="receptive_field(layers)")
        seen = {0}
        for size, stride in reversed(layers):  # from an output back to what it is made of
            seen = {stride * place + offset for place in seen for offset in range(size)}
        truth = max(seen) - min(seen) + 1
        if answer != truth:
            wrong(f"receptive_field({layers}) is {truth}, not {answer:g}.")


# ---- the network -----------------------------------------------------------------------------


@check(points=3, hint="no step of forward may mix pictures: means and spreads over the batch do")
def test_judges_each_picture_alone(untrained, rng):
    """CNN gives ten scores to each picture, whatever else is in the batch"""
    images = rng.uniform(size=(7, 12, 12))
    together = untrained.scores(images)
    if np.ptp(together, axis=0).max() < 1e-6:
        wrong("CNN() gives all pictures the same scores.")
    assert_close(
        untrained.scores(images[2:3])[0], together[2], atol=1e-4, what="the scores of a picture alone"
    )
    assert_close(untrained.scores(images[::-1].copy())[::-1], together, atol=1e-4, what="scores, upside down")


@check(points=3, hint="kernels are shared by all places; wide layers after them are what costs")
def test_is_small(untrained):
    """A CNN shares its weights: at most 30,000 numbers are learned"""
    size = untrained.size()
    if size > 30_000:
        wrong(f"CNN() holds {size:,} numbers; 30,000 are allowed.")
