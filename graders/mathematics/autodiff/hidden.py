"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
import torch

from harness.grading import assert_close, check, expect_number

EXACT = {"rtol": 1e-9, "atol": 1e-10}


@check(points=4, hint="sum the gradient over the axes that broadcasting added or stretched")
def test_broadcasting(same_tensors, rng):
    """What was broadcast on the way out is summed on the way back"""
    n, m = int(rng.integers(2, 5)), int(rng.integers(5, 8))
    pairs = [((n, m), (m,)), ((m,), (n, m)), ((n, m), (n, 1)), ((n, 1), (1, m)), ((n, m), ())]
    for first, second in (*pairs, ((1, m), (n, 1, m))):
        a, b = rng.uniform(0.5, 2.0, size=first), rng.uniform(0.5, 2.0, size=second)
        same_tensors(lambda a, b: a + b, (a, b), f"a + b, shapes {first} and {second}")
        same_tensors(lambda a, b: a * b - a / b, (a, b), f"a * b - a / b, shapes {first} and {second}")
    a, wide = rng.uniform(0.5, 2.0, size=m), rng.uniform(0.5, 2.0, size=(n, m))
    want = torch.from_numpy(wide)
    program = lambda a: a * (wide if not isinstance(a, torch.Tensor) else want) + 1  # noqa: E731
    same_tensors(program, (a,), "a * array + 1, where the array is larger")


@check(points=4, hint="np.add.at(zeros, key, gradient): plain assignment forgets repeats")
def test_picking_and_reshaping(same_tensors, rng):
    """Gradients find the way back through indices, reshapes and transposition; repeats add up"""
    a = rng.normal(size=(4, 6))
    rows = [int(row) for row in rng.integers(4, size=7)]  # 7 out of 4: some repeat
    same_tensors(lambda a: a[1] * 2, (a,), "a[1] * 2")
    same_tensors(lambda a: a[rows], (a,), "a[rows], where a row is picked several times")
    same_tensors(lambda a: a.reshape(3, 8) ** 2, (a,), "a.reshape(3, 8) ** 2")
    same_tensors(lambda a: a.reshape(2, -1) @ a.reshape(12, 2), (a,), "a.reshape(2, -1) @ a.reshape(12, 2)")
    same_tensors(lambda a: a.T @ a, (a,), "a.T @ a")


@check(points=2, hint="hand a gradient on only after it is complete: topological order")
def test_any_formula(same_values, rng):
    """A graph in which paths of different lengths meet"""
    for _ in range(3):
        given = [float(x) for x in rng.uniform(0.5, 1.5, size=4)]
        same_values(_tangled, given, "a formula of four values")


def _tangled(a, b, c, d):
    """A formula whose paths differ in length, and that goes through every kind of operation."""
    first = a * b + c
    second = first.tanh() * first + d / a
    third = second - first * (second + 3).log()
    return (third**2 + 1) ** -0.5 + first * third - (b - 2).relu() + (c * second / 4).exp() / d


@check(points=2, needs="value_used_twice", hint="visit each value once, not once per path that leads to it")
def test_each_value_once(value, rng):
    """Sixty doublings take sixty steps: the 2⁶⁰ paths through them are not walked one by one"""
    a = value(float(rng.uniform(0.5, 1.5)))
    last = a
    for _ in range(60):
        last = last + last
    last.within(seconds=3).backward()
    assert_close(expect_number(a.grad, what="a.grad") / 2.0**60, 1.0, what="a.grad / 2⁶⁰ after 60 doublings")


@check(points=2, hint="gradients must come from the graph, not from trying each entry")
def test_one_pass(tensor, run_program, rng):
    """A hundred thousand gradients cost one pass, not one pass each"""
    a, b = rng.normal(size=(200, 300)) / 20, rng.normal(size=(300, 200)) / 20
    x, y = tensor(a), tensor(b)
    loss = run_program(lambda x, y: ((x @ y).tanh() ** 2).sum(), (x, y), "((a @ b).tanh() ** 2).sum()")
    loss.within(seconds=5).backward()
    leaves = [torch.tensor(each, requires_grad=True) for each in (a, b)]
    ((leaves[0] @ leaves[1]).tanh() ** 2).sum().backward()
    for name, mine, leaf in zip("ab", (x, y), leaves, strict=True):
        assert_close(mine.grad, leaf.grad.numpy(), rtol=1e-7, atol=1e-9, what=f"{name}.grad")


@check(
    points=2,
    needs="value_used_twice",
    hint="Python stops at 1000 nested calls: keep a stack of your own",
)
def test_deep_graphs(value, rng):
    """A chain of a thousand operations is not too deep"""
    a, number = value(float(rng.uniform(0.5, 1.5))), float(rng.uniform(0.1, 0.2))
    last = a
    for _ in range(1010):
        last = last + number
    last.backward()
    assert_close(expect_number(a.grad, what="a.grad"), 1.0, what="a.grad after 1010 additions")


@check(points=2, hint="keep this pass's gradients apart from `grad`")
def test_gradients_add_up(value, tensor, run_program, rng):
    """A second backward() adds the same gradients once more, to every value on the way"""
    a = value(float(rng.uniform(0.5, 1.5)))
    middle = a * 3
    last = middle * middle
    last.backward()
    once = [expect_number(x.grad, what="grad") for x in (a, middle, last)]
    want = [18 * expect_number(a.data, what="a.data"), 6 * expect_number(a.data, what="a.data"), 1.0]
    assert_close(once, want, **EXACT, what="grad of a, of a * 3 and of its square")
    last.backward()
    twice = [expect_number(x.grad, what="grad") for x in (a, middle, last)]
    assert_close(twice, [2 * x for x in want], **EXACT, what="the same after a second backward()")
    data = rng.normal(size=(2, 3))
    x = tensor(data)
    last = run_program(lambda x: _sum_and_mean(x * x), (x,), "(a * a).sum() + (a * a).mean()")
    for _ in range(2):
        last.backward()
    assert_close(x.grad, 2 * (1 + 1 / 6) * 2 * data, **EXACT, what="a Tensor's grad after two passes")


def _sum_and_mean(x):
    return x.sum() + x.mean()


@check(points=2, hint="`+=` on an array that somebody else holds changes theirs as well")
def test_gradients_are_not_shared(tensor, run_program, rng):
    """Each tensor has a gradient of its own: what is added to one does not show in another"""
    first, second, weights = rng.normal(size=(3, 2, 3))
    a, b = tensor(first), tensor(second)
    total = a + b
    run_program(lambda total: (total * weights).sum(), (total,), "((a + b) * weights).sum()").backward()
    run_program(lambda a: (a * a).sum(), (a,), "(a * a).sum()").backward()
    assert_close(a.grad, weights + 2 * first, **EXACT, what="a.grad")
    assert_close(b.grad, weights, **EXACT, what="b.grad, which the second pass does not reach")
    assert_close(total.grad, weights, **EXACT, what="(a + b).grad, which the second pass does not reach")


@check(points=3, hint="compare each layer with numerical_gradient")
def test_differentiates_a_network(tensor, run_program, rng):
    """A network of two layers with softmax and cross-entropy learns by your gradients as by torch's"""
    n, features, hidden, classes = 12, 5, 7, 3
    x, labels = rng.normal(size=(n, features)), rng.integers(classes, size=n)
    shapes = ((features, hidden), (hidden,), (hidden, classes), (classes,))
    weights = [rng.normal(size=shape) / 2 for shape in shapes]
    chosen = np.eye(classes)[labels]
    for _ in range(2):
        mine = [tensor(each) for each in weights]
        theirs = [torch.tensor(each, requires_grad=True) for each in weights]
        truth = _loss(torch.from_numpy(x), torch.from_numpy(chosen), *theirs)
        loss = run_program(_loss, (tensor(x), chosen, *mine), "the loss of a network")
        assert_close(loss.data, truth.item(), **EXACT, what="the loss")
        loss.backward()
        truth.backward()
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True), 1):
            assert_close(one.grad, other.grad.numpy(), **EXACT, what=f"the gradient of parameter {number}")
        weights = [each - other.grad.numpy() for each, other in zip(weights, theirs, strict=True)]


def _loss(x, chosen, weight1, bias1, weight2, bias2):
    """Mean cross-entropy of a network with one hidden layer; the scores are small enough for exp()."""
    hidden = (x @ weight1 + bias1).tanh()
    scores = hidden @ weight2 + bias2
    right = (scores * chosen).sum(axis=1)
    return (scores.exp().sum(axis=1).log() - right).mean()
