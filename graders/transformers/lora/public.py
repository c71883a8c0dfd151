"""Public checks: learners may read them and run them with `roadmark check`."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from harness.grading import assert_close, check, expect_tensor, kind_of, wrong
from harness.proxy import Remote

SOME: Final = ("query", "value", "head")
MOST_FORGOTTEN: Final = 0.3
"""Bits per letter that the known languages may cost more than before."""


def drawn(rng, *shape):
    return torch.from_numpy(rng.normal(size=shape)).float()


# ---- one layer -----------------------------------------------------------------------------


class Layer:
    """A LoRALinear of the submission's, and what it was made of."""

    def __init__(self, submission, rng, *, inputs, outputs, rank, alpha, bias=True):
        self.weight, self.bias = drawn(rng, outputs, inputs), drawn(rng, outputs) if bias else None
        self.scale = alpha / rank
        self.shapes = {"down": (rank, inputs), "up": (outputs, rank)}
        self.remote = submission.LoRALinear(self.weight, self.bias, rank, alpha)
        if not isinstance(self.remote, Remote):
            wrong(f"LoRALinear(...): expected a layer, got {kind_of(self.remote)}.", reason="wrong-type")

    def part(self, name):
        part, dtypes = getattr(self.remote, name), ("float32", "float64")
        return expect_tensor(part, shape=self.shapes[name], dtype=dtypes, what=f"LoRALinear.{name}")

    def draw(self, rng):
        """Set `down` and `up` at random, and return them."""
        thin = {name: drawn(rng, *shape) for name, shape in self.shapes.items()}
        self.remote.load_state_dict(thin, strict=False)
        return thin["down"].double(), thin["up"].double()

    def frozen(self, x):
        bias = 0 if self.bias is None else self.bias.double()
        return x.double() @ self.weight.double().T + bias


SIZES: Final = (
    {"inputs": 7, "outputs": 5, "rank": 3, "alpha": 6.0},
    {"inputs": 4, "outputs": 6, "rank": 1, "alpha": 0.5, "bias": False},
)


@check(points=2, hint="`up` begins at 0 and `down` at random, so that nothing has changed yet and all can.")
def test_layer_begins_as_it_was(submission, rng):
    """A fresh adapter changes nothing, and can still learn"""
    for sizes in SIZES:
        layer = Layer(submission, rng, **sizes)
        x = drawn(rng, 3, sizes["inputs"])
        assert_close(layer.remote(x), layer.frozen(x), rtol=1e-3, atol=1e-4, what="LoRALinear(...)(x)")
        if float(layer.part("up").abs().max()) > 0:
            wrong("`up` does not begin at 0.")
        if not float(layer.part("down").std()) > 1e-4:
            wrong("`down` begins alike everywhere: no gradient would reach `up`, or every row would be one.")


@check(points=3, hint="x weightᵀ + bias + alpha / rank · x downᵀ upᵀ.")
def test_layer_adds_a_scaled_product(submission, rng):
    """The adapter adds alpha / rank times the product of its thin matrices"""
    for sizes in SIZES:
        layer = Layer(submission, rng, **sizes)
        down, up = layer.draw(rng)
        change = layer.scale * up @ down
        for shape in ((4,), (2, 3), ()):
            x = drawn(rng, *shape, sizes["inputs"])
            truth = layer.frozen(x) + x.double() @ change.T
            assert_close(layer.remote(x), truth, rtol=1e-3, atol=1e-3, what="LoRALinear(...)(x)")
        assert_close(layer.remote.change(), change, rtol=1e-3, atol=1e-3, what="LoRALinear.change()")


@check(
    points=2,
    needs=test_layer_adds_a_scaled_product,
    hint="Weight and bias have requires_grad=False; only `down` and `up` learn.",
)
def test_gradient_reaches_the_adapter_alone(submission, rng):
    """The thin matrices get the gradient, the frozen ones get none"""
    layer = Layer(submission, rng, **SIZES[0])
    down, up = layer.draw(rng)
    x, cotangent = drawn(rng, 4, 7), drawn(rng, 4, 5)
    back = layer.remote.vjp(x, cotangent=cotangent)
    if set(back.parameters) != {"down", "up"}:
        wrong("The parameters of LoRALinear that learn are not just `down` and `up`.", reason="no-gradient")
    outer = cotangent.double().T @ x.double()  # (out, in)
    truth = {"up": layer.scale * outer @ down.T, "down": layer.scale * up.T @ outer}
    for name, slope in truth.items():
        assert_close(back.parameters[name], slope, rtol=1e-3, atol=1e-3, what=f"the gradient by {name}")
    through = cotangent.double() @ (layer.weight.double() + layer.scale * up @ down)
    assert_close(next(iter(back.inputs), None), through, rtol=1e-3, atol=1e-3, what="the gradient by x")


# ---- a whole network -----------------------------------------------------------------------


def texts(rng, count=3, length=9):
    return rng.integers(16, size=(count, length))


@check(
    points=2,
    needs=test_layer_begins_as_it_was,
    hint="Freeze everything first, then put adapters in: what is made later learns.",
)
def test_adapters_sit_where_they_are_asked_for(network, tools, rng):
    """Adapters are put on the layers that are named, all else is frozen, and nothing has changed yet"""
    for names, rank in ((SOME, 2), (("wide", "key"), 3)):
        model = network(names, rank, 4.0)
        learning = set(model.learning())
        if learning != tools.adapter_names(names):
            listed = ", ".join(sorted(learning)[:8]) or "nothing"
            wrong(f"With adapters on {', '.join(names)}, what learns is: {listed}.")
        tokens = texts(rng)
        truth = tools.scores(tools.base, tokens)
        assert_close(model(tokens), truth, rtol=1e-3, atol=2e-3, what="the scores with fresh adapters")


@check(
    points=2,
    needs=[test_layer_adds_a_scaled_product, test_adapters_sit_where_they_are_asked_for],
    hint="Each name once, under the name that state_dict() has for it: query.down, query.up, ...",
)
def test_adapters_are_saved_alone(submission, network, tools, rng):
    """What is saved is small: the adapters and nothing else, and another network can load them"""
    model = network(SOME, 2, 6.0)
    given = tools.drawn_adapters(SOME, tools.base, 2, rng)
    model.set_adapters(given)
    saved = tools.tensors(submission.adapter_state(model.remote), "adapter_state(model)")
    if set(saved) != set(given):
        wrong("adapter_state(model) does not have just `down` and `up` of each adapter.")
    for name, value in given.items():
        assert_close(saved[name], value, what=f"{name} in adapter_state(model)")
    other, tokens = network(SOME, 2, 6.0), texts(rng)
    other.set_adapters(saved)
    truth = tools.scores(tools.changed(tools.base, given, 3.0), tokens)
    assert_close(other(tokens), truth, rtol=1e-3, atol=5e-3, what="the scores with adapters that were loaded")


@check(
    points=3,
    needs=test_adapters_are_saved_alone,
    hint="weight + change() under the plain names, without `down` and `up`, as copies.",
)
def test_merged_network_computes_the_same(submission, network, tools, rng):
    """Merged into the weights, the adapters cost nothing and change nothing"""
    model, tokens = network(SOME, 2, 6.0), texts(rng)
    given = tools.drawn_adapters(SOME, tools.base, 2, rng)
    model.set_adapters(given)
    before = model(tokens)
    merged = tools.plain_state(submission.merged_state(model.remote), tools.base, "merged_state(model)")
    for name, value in tools.changed(tools.base, given, 3.0).items():
        assert_close(merged[name], value, rtol=1e-3, atol=1e-4, what=f"{name} in merged_state(model)")
    plain = tools.scores(merged, tokens)
    assert_close(before, plain, rtol=1e-3, atol=5e-3, what="the scores with adapters, and merged,")
    assert_close(model(tokens), before, what="the scores after merged_state(model)")


# ---- training ------------------------------------------------------------------------------


@check(
    points=1,
    needs=[test_gradient_reaches_the_adapter_alone, test_merged_network_computes_the_same],
    hint="torch.manual_seed(seed) before the adapters are made and before the first batch is drawn.",
)
def test_training_follows_its_seed(fit, world, rng):
    """The same seed trains the same adapters, another seed other ones"""
    seed = rng.seed()
    runs = [
        fit(world.target[:40], world.old[:40], steps=4, batch=8, seed=number)
        for number in (seed, seed, seed + 1)
    ]
    first, again, other = (run.merged for run in runs)
    for name, value in first.items():
        assert_close(again[name], value, rtol=1e-3, what=f"{name} after training twice with one seed")
    if all(torch.equal(other[name], value) for name, value in first.items()):
        wrong("Training with another seed gave the same weights.")


@check(
    points=2,
    needs=test_training_follows_its_seed,
    hint="Copy the weights before you use them; an optimiser gets only what requires a gradient.",
)
def test_base_stays_frozen(trained, tools, show):
    """After training, the given weights are what they were, bit for bit"""
    show.curve("Training loss", trained.losses, y_label="nats per symbol")
    for name, value in tools.base.items():
        kept = trained.state.get(name)
        if kept is None or kept.dtype != value.dtype or not torch.equal(kept, value):
            wrong(f"{name} of the trained network is not what it was given.")


@check(
    points=2,
    needs=test_training_follows_its_seed,
    hint="rank · (inputs + outputs) numbers for each adapter: choose the layers.",
)
def test_budget_is_kept(trained, tools):
    """At most 2,200 numbers are trained, in adapters of rank 4 at most"""
    learning, adapters = set(trained.model.learning()), trained.adapters
    if learning != set(adapters):
        wrong("What learns in the trained network is not just `down` and `up` of its adapters.")
    layers = {name.rpartition(".")[0] for name in adapters}
    if not layers or not layers <= set(tools.linear) or set(adapters) != tools.adapter_names(tuple(layers)):
        wrong("The adapters of the trained network are not each on one of its linear layers.")
    for name in layers:
        outputs, inputs = tools.base[f"{name}.weight"].shape
        shapes = [tuple(adapters[f"{name}.{part}"].shape) for part in ("down", "up")]
        rank = shapes[0][0] if shapes[0] else 0
        if shapes != [(rank, inputs), (outputs, rank)] or not 1 <= rank <= tools.most_rank:
            wrong(f"The adapter on {name} has the shapes {shapes}; rank {tools.most_rank} is the highest.")
    count = sum(value.numel() for value in adapters.values())
    if count > tools.most_trained:
        wrong(f"{count:,} numbers are trained; {tools.most_trained:,} are the limit.")


@check(
    points=2,
    needs=test_training_follows_its_seed,
    hint="Let some of each batch be texts in the old languages.",
)
def test_nothing_is_forgotten(trained, world, tools):
    """The languages that it knew are still known"""
    _, before = world.excess(tools.base)
    _, after = world.excess(trained.merged)
    rise = float(np.mean(after) - np.mean(before))
    if not rise <= MOST_FORGOTTEN:
        wrong(f"A letter of the known languages costs {rise:.2f} bits more; {MOST_FORGOTTEN:g} are allowed.")
