"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
from scipy.special import expit

from harness.grading import assert_close, check, expect_array, expect_number, metric, wrong
from harness.metrics.intervals import measurement, t_interval

EXACT = {"rtol": 1e-8, "atol": 1e-10}
MOST_PARAMETERS = 50_000


@check(
    points=3,
    hint="shift rows by their maximum; (1 + tanh(x / 2)) / 2 is a sigmoid, too",
)
def test_large_numbers(mlp, rng):
    """Scores of ten thousand are no reason for NaN, in values and in gradients"""
    x = np.array([[-1e4, -800.0, 0.0, 800.0, 1e4]])
    assert_close(mlp.activate("sigmoid", x), expit(x), **EXACT, what="activate('sigmoid', x) of large x")
    got = mlp.activate_gradient("sigmoid", x, np.ones((1, 5)))
    assert_close(got, [[0, 0, 0.25, 0, 0]], **EXACT, what="the slope of sigmoid at large x")
    assert_close(mlp.softmax(x), [[0, 0, 0, 0, 1]], **EXACT, what="softmax of large scores")
    same = np.full((2, 4), -1e4)
    assert_close(mlp.softmax(same), np.full((2, 4), 0.25), **EXACT, what="softmax of equal, small scores")
    loss = expect_number(mlp.cross_entropy(x, np.array([3])), what="cross_entropy of large scores")
    assert_close(loss, 9200.0, **EXACT, what="cross_entropy of large scores")
    got = mlp.cross_entropy_gradient(x, np.array([3]))
    assert_close(got, [[0, 0, 0, -1, 1]], **EXACT, what="cross_entropy_gradient of large scores")


@check(points=2, hint="every score moves every probability of its row: p (g - Σ p g)")
def test_softmax_gradient(mlp, rng, slopes):
    """softmax_gradient(x, gradient) counts how every score moves every probability"""
    x, gradient = rng.normal(size=(2, 3, 5))

    def weighted(x):
        e = np.exp(x)
        return (e / e.sum(axis=1, keepdims=True) * gradient).sum()

    got = mlp.softmax_gradient(x, gradient)
    assert_close(got, slopes(weighted, x), **EXACT, what="softmax_gradient(x, gradient)")


@check(points=2, hint="probabilities, less 1 at the label, divided by the number of examples")
def test_cross_entropy_gradient(mlp, rng, slopes, surprise):
    """cross_entropy_gradient(scores, labels) agrees with derivatives of the loss"""
    scores, labels = rng.normal(size=(6, 4)) * 2, rng.integers(4, size=6)
    got = mlp.cross_entropy_gradient(scores, labels)
    want = slopes(lambda x: surprise(x, labels), scores)
    assert_close(got, want, **EXACT, what="cross_entropy_gradient(scores, labels)")


@check(points=3, hint="go back through each activation with the sums that entered it, layer by layer")
def test_gradients_of_deep_networks(rng, network, build):
    """Gradients are right through four layers, for each activation, and for a single example"""
    for name in ("sigmoid", "relu", "tanh"):
        theirs = network([3, 5, 6, 4, 2], name)
        model = build(theirs)
        for n in (1, 7):
            x, labels = rng.normal(size=(n, 3)), rng.integers(2, size=n)
            answer = model.gradients(x, labels)
            if not isinstance(answer, (tuple, list)) or len(answer) != 3:
                wrong("gradients(x, labels): expected (loss, by_weight, by_bias).", reason="wrong-type")
            for kind, got, want in zip(("weight", "bias"), answer[1:], theirs.slopes(x, labels), strict=True):
                if not isinstance(got, (tuple, list)) or len(got) != len(want):
                    wrong(f"gradients(x, labels): expected a gradient for each {kind}.", reason="wrong-type")
                for one, other in zip(got, want, strict=True):
                    assert_close(one, other, rtol=1e-7, atol=1e-9, what=f"the gradient by a {kind}, {name}")


@check(points=2, hint="parameter -= rate * gradient of the mean loss; a batch may be larger than the data")
def test_one_step(mlp, rng, network, build, parameters):
    """With all examples in one batch, an epoch is one step down the gradient"""
    sizes, rate = [4, 6, 3], float(rng.uniform(0.1, 0.5))
    theirs = network(sizes, "tanh")
    model, x, labels = build(theirs), rng.normal(size=(9, 4)), rng.integers(3, size=9)
    told = expect_array(mlp.train(model, x, labels, 1, 20, rate, rng.seed()), shape=(1,), what="train(…)")
    assert_close(told[0], theirs.loss(x, labels).real, **EXACT, what="the loss before the step")
    moved = parameters(model, sizes, "the trained model")
    for group, before, slopes in zip(
        (moved.weights, moved.biases), (theirs.weights, theirs.biases), theirs.slopes(x, labels), strict=True
    ):
        for one, old, slope in zip(group, before, slopes, strict=True):
            assert_close(one, old - rate * slope, rtol=1e-7, atol=1e-9, what="a parameter after one step")


@check(points=2, hint="shuffle by the seed, then cut into batches: each example once in an epoch")
def test_epochs_and_seeds(mlp, rng, network, build, parameters):
    """An epoch takes each example once, in an order that follows from the seed"""
    sizes = [4, 5, 3]
    theirs = network(sizes, "tanh")
    x, labels = rng.normal(size=(24, 4)), rng.integers(3, size=24)
    rate = 1e-6  # so small that four steps are as one: what they add up to is four times the whole gradient
    model = build(theirs)
    expect_array(mlp.train(model, x, labels, 1, 6, rate, rng.seed()), shape=(1,), what="train(…)")
    moved = parameters(model, sizes, "the trained model")
    by_weight, by_bias = theirs.slopes(x, labels)
    for one, old, slope in zip(
        moved.weights + moved.biases, theirs.weights + theirs.biases, by_weight + by_bias, strict=True
    ):
        told = "what four small steps add up to, over the rate"
        assert_close((old - one) / rate, 4 * slope, rtol=1e-3, atol=1e-3, what=told)
    first, second = rng.seed(), rng.seed()
    ends = []
    for seed in (first, first, second):
        model = build(theirs)
        told = expect_array(mlp.train(model, x, labels, 2, 6, 0.5, seed), shape=(2,), what="train(…)")
        ends.append(np.concatenate([told, *(w.ravel() for w in parameters(model, sizes, "model").weights)]))
    if not np.array_equal(ends[0], ends[1]):
        wrong("train: the same seed gave another result.")
    if np.allclose(ends[0], ends[2], rtol=1e-9, atol=1e-12):
        wrong("train: another seed gave the same result; are the examples shuffled?")


@check(points=1, hint="np.random.default_rng(seed), and no other source of chance")
def test_initialisation_follows_its_seed(mlp, rng, parameters):
    """The same seed gives the same network, another seed another, and no two layers are alike"""
    sizes, first, second = [6, 6, 6], rng.seed(), rng.seed()
    one, same, other = (
        parameters(mlp.initialise(sizes, "relu", seed), sizes, "initialise(…)")
        for seed in (first, first, second)
    )
    if not all(np.array_equal(a, b) for a, b in zip(one.weights, same.weights, strict=True)):
        wrong("initialise: the same seed gave another network.")
    if np.allclose(one.weights[0], other.weights[0]) or np.allclose(one.weights[0], one.weights[1]):
        wrong("initialise: another seed, or another layer, has the same weights.")


@metric(
    points=6,
    better="higher",
    unit="share of unseen digits that are read rightly",
    hint="one hidden layer of a hundred units reads 95 %: more epochs, and a rate that falls",
)
def test_reads_digits(fitted, pages, parameters, show):
    """A network that you fit reads digits that it has not seen, wherever they lie on the page"""
    depth = fitted.weights
    if not isinstance(depth, (list, tuple)) or not 1 <= len(depth) <= 8:
        wrong("fit(…).weights: expected a list of 1 to 8 arrays.", reason="wrong-type")
    theirs = parameters(fitted, [100, *[None] * (len(depth) - 1), 10], "fit(…)")
    count = sum(values.size for values in theirs.weights + theirs.biases)
    if count > MOST_PARAMETERS:
        wrong(f"fit(…): {count:,} parameters; {MOST_PARAMETERS:,} are allowed.")
    with np.errstate(over="ignore"):
        scores = expect_array(theirs.forward(pages.unseen.reshape(-1, 100)), what="the scores of fit(…)")
    some = slice(0, 900)
    got = fitted.forward(pages.unseen.reshape(-1, 100)[some])
    assert_close(
        got, scores[some], rtol=1e-6, atol=1e-6, what="forward(x), which has to follow from the parameters"
    )
    guesses = scores.argmax(axis=1).reshape(len(pages.unseen), -1)
    right = guesses == pages.unseen_labels[:, None]  # (digits, places)
    show.images("Unseen digits", np.repeat(np.repeat(pages.unseen[:40, 4].reshape(-1, 10, 10), 3, 1), 3, 2))
    share = right.mean(axis=1)
    told = f"{len(share)} digits at 9 places each; the interval counts a digit once"
    return measurement(float(share.mean()), t_interval(share), len(share), told)
