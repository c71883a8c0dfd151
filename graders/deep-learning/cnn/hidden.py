"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
import torch
from torch.nn import functional

from harness.grading import assert_close, check, expect_array, metric, wrong
from harness.metrics.classification import accuracy, accuracy_interval
from harness.metrics.intervals import measurement

EXACT = {"rtol": 1e-9, "atol": 1e-9}
LEAST_STEADY = 0.84
"""Share of digits that stay the same digit in a corner; convolutions keep 0.93, dense layers 0.7."""
LEAST_KNOWN = 0.7
"""Share of digits in the middle that are read rightly: saying the same to all is steady, too."""


# ---- convolution -----------------------------------------------------------------------------


@check(points=3, needs="strides_and_pads", hint="height and width of a kernel are two numbers")
def test_takes_any_kernel(network, draw):
    """Kernels may be wide, tall, even, of one pixel, or as large as the picture"""
    x = draw(2, 3, 7, 5)
    for height, width in ((1, 4), (5, 2), (1, 1), (7, 5)):
        weight, bias = draw(2, 3, height, width), draw(2)
        truth = functional.conv2d(x, weight, bias, stride=2, padding=1)
        answer = network.conv2d(x, weight, bias, 2, 1)
        assert_close(answer, truth, **EXACT, what=f"conv2d with a kernel of {height} × {width}")


@check(points=3, needs=("convolves", "pools"), hint="no .float(), no torch.zeros without dtype=x.dtype")
def test_keeps_the_dtype(network, draw, apart):
    """float32 stays float32 and float64 stays float64"""
    x, weight, bias, image = draw(1, 2, 6, 6), draw(3, 2, 3, 3), draw(3), apart(1, 2, 6, 6)
    for dtype, name, exact in ((torch.float32, "float32", 1e-5), (torch.float64, "float64", 1e-12)):
        answer = network.conv2d(x.to(dtype), weight.to(dtype), bias.to(dtype), padding=1)
        truth = functional.conv2d(x, weight, bias, padding=1)
        assert_close(answer, truth, rtol=exact, atol=10 * exact, dtype=name, what=f"conv2d in {name}")
        answer = network.max_pool2d(image.to(dtype), 2, 2)
        truth = functional.max_pool2d(image, 2)
        assert_close(answer, truth, rtol=exact, atol=exact, dtype=name, what=f"max_pool2d in {name}")


@check(
    points=3,
    needs="strides_and_pads",
    hint="stay within torch's operations, and write into no input: detach() and NumPy cut the graph",
)
def test_gradients_of_convolution(network, draw, gradients):
    """Gradients reach picture, kernels and bias, and are right"""
    inputs = draw(2, 3, 6, 7), draw(4, 3, 3, 2), draw(4)
    for stride, padding in ((1, 0), (2, 1)):
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        output = functional.conv2d(*leaves, stride=stride, padding=padding)
        cotangent = draw(*output.shape)
        got = gradients(network.conv2d, *inputs, more=(stride, padding), cotangent=cotangent)
        want = torch.autograd.grad(output, leaves, cotangent)
        for ours, theirs, name in zip(got, want, ("x", "weight", "bias"), strict=True):
            assert_close(ours, theirs, rtol=1e-7, atol=1e-7, what=f"the gradient for {name}")


# ---- pooling ---------------------------------------------------------------------------------


@check(points=3, needs="pools", hint="windows begin at every stride-th place that has room for a whole one")
def test_pools_overlap_and_drop_the_rest(network, apart):
    """Windows may overlap or leave gaps, and what has no room for one is dropped"""
    x = apart(2, 2, 8, 11)
    for size, stride in ((3, 2), (2, 3), (3, 1), (5, 5), (1, 2), (8, 4)):
        answer = network.max_pool2d(x, size, stride)
        truth = functional.max_pool2d(x, size, stride)
        assert_close(answer, truth, **EXACT, what=f"max_pool2d with windows of {size} every {stride}")


@check(
    points=3, needs="pools", hint="the gradient goes back to the largest value of a window, and to no other"
)
def test_gradients_of_pooling(network, apart, draw, gradients):
    """The gradient of pooling is the one that finite differences show"""
    for size, stride in ((2, 2), (3, 2)):
        x, direction = apart(2, 2, 6, 7), draw(2, 2, 6, 7)
        shape = functional.max_pool2d(x, size, stride).shape
        cotangent = draw(*shape)
        (slope,) = gradients(network.max_pool2d, x, more=(size, stride), cotangent=cotangent)
        ends = [
            expect_array(network.max_pool2d(x + step * direction, size, stride), shape=shape)
            for step in (1e-4, -1e-4)
        ]
        difference = ((ends[0] - ends[1]) * cotangent.numpy()).sum() / 2e-4
        told = float((slope * direction.numpy()).sum())
        assert_close(told, difference, rtol=1e-5, atol=1e-5, what="the slope of max_pool2d in a direction")
        if np.count_nonzero(np.abs(slope) > 1e-12) > cotangent.numel():
            wrong("The gradient of max_pool2d reaches values that are not the largest of any window.")


# ---- the network -----------------------------------------------------------------------------


@check(
    points=3,
    needs=("convolves", "pools", "judges_each_picture_alone"),
    hint="torch.manual_seed(seed) before the network is built, and nothing random that does not follow it",
)
def test_same_seed_same_network(fit, digits, rng):
    """The same seed gives the same network, another seed another one"""
    few, labels, seed = digits.train[:64], digits.train_labels[:64], rng.seed()
    one, again, other = (fit(few, labels, each).scores(few[:8]) for each in (seed, seed, seed ^ 1))
    assert_close(again, one, rtol=1e-3, atol=1e-3, what="the scores after training twice with one seed")
    if np.abs(other - one).max() < 1e-6:
        wrong("Another seed gives the very same network.")


@metric(
    points=8,
    better="higher",
    unit="share of 500 unseen digits that are read rightly",
    needs=("strides_and_pads", "pools", "judges_each_picture_alone", "is_small"),
    hint="two convolutions with pooling; moved copies of what you have; a step size that falls to 0",
)
def test_reads_unseen_digits(trained, digits, show):
    """The trained network reads digits that it has not seen, wherever they stand"""
    read, truth = trained.digits(digits.heldout), digits.heldout_labels
    missed = np.flatnonzero(read != truth)[:30]
    if len(missed):
        pairs = ", ".join(f"{truth[i]} as {read[i]}" for i in missed)
        show.images("Misread", np.kron(digits.heldout[missed], np.ones((4, 4))), caption=pairs)
    table = np.zeros((10, 10))
    np.add.at(table, (truth, read), 1)
    shares = table / table.sum(axis=1, keepdims=True).clip(1)
    show.images(
        "Confusion", np.kron(shares[None], np.ones((16, 16))), caption="a row for each true digit, 0 first"
    )
    return measurement(accuracy(read, truth), accuracy_interval(read, truth), len(truth))


@check(
    points=3,
    needs=("strides_and_pads", "pools", "judges_each_picture_alone", "is_small"),
    hint="a convolution does the same everywhere; a dense layer on pixels learns every place anew",
)
def test_a_moved_digit_is_the_same_digit(trained, digits, place, rng):
    """A digit in a corner is read as it is in the middle"""
    count = len(digits.bare)

    def read(down, right):
        return trained.digits(place(digits.bare, np.full(count, down), np.full(count, right), rng))

    middle = read(2, 2)
    if accuracy(middle, digits.heldout_labels) < LEAST_KNOWN:
        wrong("Too few digits in the middle are read rightly to ask about corners.")
    steady = np.mean([(read(down, right) == middle).mean() for down in (0, 4) for right in (0, 4)])
    if steady < LEAST_STEADY:
        wrong(f"Only {steady:.0%} of the digits are read the same in a corner as in the middle.")
