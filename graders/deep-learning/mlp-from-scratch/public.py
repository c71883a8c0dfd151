"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np
from scipy.special import expit, log_softmax
from scipy.special import softmax as true_softmax

from harness.grading import assert_close, check, expect_array, expect_number, wrong

NAMES = ("sigmoid", "relu", "tanh")
EXACT = {"rtol": 1e-8, "atol": 1e-10}


@check(points=2, hint="sigmoid: 1 / (1 + e^-x); relu: max(x, 0); tanh: NumPy has it")
def test_activations(mlp, rng):
    """activate(name, x) is sigmoid, relu or tanh of each entry"""
    x = rng.normal(size=(4, 5)) * 3
    for name, want in zip(NAMES, (expit(x), np.maximum(x, 0), np.tanh(x)), strict=True):
        assert_close(mlp.activate(name, x), want, **EXACT, what=f"activate('{name}', x)")


@check(points=2, hint="sigmoid: y (1 - y); relu: 1 where x > 0; tanh: 1 - y²; each times the gradient")
def test_activation_gradients(mlp, rng, slopes):
    """activate_gradient(name, x, gradient) is the slope at x, times the gradient"""
    x, gradient = rng.normal(size=(2, 3, 4))
    functions = (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: np.where(x.real > 0, x, 0),
        np.tanh,
    )
    for name, function in zip(NAMES, functions, strict=True):
        want = slopes(lambda x, f=function: (f(x) * gradient).sum(), x)
        got = mlp.activate_gradient(name, x, gradient)
        assert_close(got, want, **EXACT, what=f"activate_gradient('{name}', x, gradient)")
    got = mlp.activate_gradient("relu", np.zeros((1, 2)), np.ones((1, 2)))
    assert_close(got, np.zeros((1, 2)), what="activate_gradient('relu', 0, 1)")


@check(points=2, hint="exponentials over their sum, along the last axis")
def test_softmax(mlp, rng):
    """softmax(x) makes probabilities of each row, whatever is added to it"""
    x = rng.normal(size=(4, 3)) * 2
    probabilities = expect_array(mlp.softmax(x), shape=(4, 3), what="softmax(x)")
    assert_close(probabilities, true_softmax(x, axis=1), **EXACT, what="softmax(x)")
    moved = x + rng.normal(size=(4, 1))
    assert_close(mlp.softmax(moved), probabilities, **EXACT, what="softmax of rows that were shifted")


@check(points=2, hint="the mean over the examples of -ln of the label's probability")
def test_cross_entropy(mlp, rng):
    """cross_entropy(scores, labels) is the mean surprise at the right labels, in nats"""
    n, k = (int(size) for size in rng.permutation([3, 4, 6, 7])[:2])
    scores, labels = rng.normal(size=(n, k)) * 2, rng.integers(k, size=n)
    want = -log_softmax(scores, axis=1)[np.arange(n), labels].mean()
    got = expect_number(mlp.cross_entropy(scores, labels), what="cross_entropy(scores, labels)")
    assert_close(got, want, **EXACT, what="cross_entropy(scores, labels)")


@check(points=3, hint="x @ weight + bias; an activation after every layer but the last")
def test_forward(mlp, rng, network, build):
    """forward(x) goes through the layers, and treats each example by itself"""
    for name in NAMES:
        theirs = network([5, 7, 6, 3], name)
        model, x = build(theirs), rng.normal(size=(4, 5))
        assert_close(model.forward(x), theirs.forward(x), **EXACT, what=f"forward(x) with {name}")
        assert_close(model.forward(x[:1]), theirs.forward(x[:1]), **EXACT, what="forward of one example")


@check(points=4, hint="by a weight: (what entered its layer)ᵀ @ (gradient by what the layer adds up to)")
def test_gradients_of_two_layers(rng, network, build):
    """gradients(x, labels) agrees with derivatives of the loss, taken one parameter at a time"""
    theirs = network([4, 6, 3], "tanh")
    x, labels = rng.normal(size=(5, 4)), rng.integers(3, size=5)
    compare_gradients(build(theirs), theirs, x, labels, "two layers with tanh")


def compare_gradients(model, theirs, x, labels, what):
    """Compare loss and gradients with the grader's own network's."""
    answer = model.gradients(x, labels)
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        wrong("gradients(x, labels): expected (loss, by_weight, by_bias).", reason="wrong-type")
    loss = expect_number(answer[0], what="the loss of gradients(x, labels)")
    assert_close(loss, theirs.loss(x, labels).real, **EXACT, what=f"the loss of gradients(x, labels), {what}")
    for name, got, want in zip(("weight", "bias"), answer[1:], theirs.slopes(x, labels), strict=True):
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            wrong(f"gradients(x, labels): expected a gradient for each {name}.", reason="wrong-type")
        for number, (one, other) in enumerate(zip(got, want, strict=True)):
            assert_close(one, other, rtol=1e-7, atol=1e-9, what=f"{what}: the gradient by {name} {number}")


@check(points=2, hint="normal numbers times √(2 / inputs) for relu, √(1 / inputs) otherwise")
def test_initialisation(mlp, rng, parameters):
    """initialise(sizes, activation, seed) draws weights that keep signals alive"""
    sizes = [400, 300, 350, 10]
    for name in NAMES:
        made = parameters(mlp.initialise(sizes, name, rng.seed()), sizes, "initialise(…)")
        if made.activation != name:
            wrong(f"initialise(sizes, '{name}', seed): its activation is another one.")
        for inputs, weight in zip(sizes[:2], made.weights, strict=False):  # those with 100,000 entries
            aim = np.sqrt((2 if name == "relu" else 1) / inputs)
            if not (0.97 < weight.std() / aim < 1.03 and abs(weight.mean()) < 0.03 * aim):
                wrong(f"initialise with {name}: expected weights of mean 0 and another deviation.")
        if any(bias.any() for bias in made.biases):
            wrong("initialise: expected biases of 0.")
