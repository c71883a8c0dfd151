"""What a learner may run: the parts of a GPT, sampling from it, and its training."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch

from harness.grading import assert_close, check, expect_number, kind_of, wrong
from harness.metrics.language import bits_per_token, causal_leak, log_softmax, suffix_perturbed
from harness.metrics.sampling import goodness_of_fit
from harness.policy import ready_made

STILL: Final = 1e-4
"""Nats by which log-probabilities may move where nothing may change; float32 needs about 1e-6."""
MOVED: Final = 1e-3
"""Nats by which log-probabilities must move where something did change; usual are 0.1 to 1."""
CHANCE: Final = 1e-6
"""An honest sampler is below this p value once in a million gradings."""
READY_MADE: Final = (
    "torch.*attention*",
    "torch.*.Transformer*",
    ".scaled_dot_product_*",
    ".MultiheadAttention",
    ".multi_head_attention_forward",
)
"""What may not be called, because building it is the exercise."""


def texts(rng, rows, length, vocabulary=8):
    """Return (rows, length) random symbols."""
    return rng.integers(vocabulary, size=(rows, length))


def change(before, after):
    """Return the largest change of a log-probability, nats."""
    return float(np.abs(log_softmax(before) - log_softmax(after)).max())


# ---- the model -----------------------------------------------------------------------------


@check(
    points=1, hint="forward takes (batch, time) and returns unnormalised scores, (batch, time, vocabulary)."
)
def test_scores_every_next_symbol(model, rng):
    """A GPT gives a score to every symbol of the vocabulary at every position"""
    for rows, length in ((1, 1), (3, 5), (2, model.sizes["context"])):
        model.logits(texts(rng, rows, length))  # which refuses what is no logits
    every_symbol = model.logits(np.arange(8)[:, None])  # (8, 1, vocabulary)
    if change(every_symbol[1:], every_symbol[:-1]) < MOVED:
        wrong("The scores do not depend on the symbol that is read.")


@check(
    points=3,
    needs=test_scores_every_next_symbol,
    hint="Set the scores of later keys to -inf before a softmax over the keys; keep all earlier ones.",
)
def test_sees_its_past_and_nothing_else(model, rng):
    """A position sees all symbols before it and none after it"""
    text = texts(rng, 6, model.sizes["context"])
    logits = model.logits(text)
    for place in (1, 4, text.shape[1] - 1):
        changed = model.logits(suffix_perturbed(text, place, 8, seed=rng.seed()))
        if causal_leak(logits, changed, place) > STILL:
            wrong("Changing later symbols changed the scores of an earlier position: it looks ahead.")
    other_start = text.copy()
    other_start[:, 0] = (text[:, 0] + rng.integers(1, 8, size=len(text))) % 8
    if change(logits[:, -1], model.logits(other_start)[:, -1]) < MOVED:
        wrong("Changing the first symbol leaves the scores at the last position as they are: it is not seen.")


@check(
    points=1,
    needs=test_scores_every_next_symbol,
    hint="Normalise over the width of one position, never over the batch or over time.",
)
def test_scores_do_not_depend_on_company(model, rng):
    """A text has the same scores alone, in any batch, and cut short"""
    text = texts(rng, 6, 10)
    logits = model.logits(text)
    order = rng.permutation(6)
    others = {
        "in another order of the batch": (logits[order], model.logits(text[order])),
        "alone": (logits[2:3], model.logits(text[2:3])),
        "cut short": (logits[:, :7], model.logits(text[:, :7])),
    }
    for how, (before, after) in others.items():
        if change(before, after) > STILL:
            wrong(f"A text has other scores {how}.")


@check(
    points=1,
    needs=test_sees_its_past_and_nothing_else,
    hint="Attention alone sees a set. Add a position's own vector to the embedding of its symbol.",
)
def test_knows_positions(build, rng):
    """The order of earlier symbols matters, even with a single layer"""
    model = build(layers=1)
    model.randomise(rng)
    text = texts(rng, 8, 6)
    text[:, 1] = (text[:, 0] + rng.integers(1, 8, size=8)) % 8
    swapped = text[:, [1, 0, 2, 3, 4, 5]]
    if change(model.logits(text)[:, -1], model.logits(swapped)[:, -1]) < MOVED:
        wrong("Two earlier symbols changed places, and the scores after them stayed the same.")


@check(
    points=2,
    needs=test_scores_every_next_symbol,
    hint="Look for detach(), .data, torch.no_grad() and for layers that forward leaves out.",
)
def test_gradient_reaches_every_weight(model, rng):
    """The gradient reaches every weight and is the slope of the scores"""
    text = texts(rng, 3, model.sizes["context"])
    pull = rng.normal(size=(*text.shape, 8))
    gradients = model.gradients(text, pull)
    if idle := [name for name, slope in gradients.items() if slope is None]:
        wrong(f"The scores do not depend on {', '.join(idle[:3])}: no gradient arrives there.")
    weights = model.weights()
    if {name: slope.shape for name, slope in gradients.items()} != {n: w.shape for n, w in weights.items()}:
        wrong("The gradients do not have the shapes of the parameters.", reason="wrong-shape")
    try:
        errors = [_slope_error(model, weights, gradients, text, pull, rng) for _ in range(7)]
    finally:
        model.load(weights)
    if np.median(errors) > 0.02:
        wrong("The gradient is not the slope of the scores: part of the way back is cut.")


def _slope_error(model, weights, gradients, text, pull, rng, step=1e-4):
    """Return how far slope and central difference differ in a random direction, over the gradient's length.

    A few directions cross a kink of ReLU, so callers take the median of several.
    """
    ways = {name: torch.tensor(rng.normal(size=tuple(value.shape))) for name, value in weights.items()}
    slope = sum(float((ways[name] * gradients[name].double()).sum()) for name in weights)
    size = math.sqrt(sum(float(value.double().square().sum()) for value in gradients.values()))
    ends = []
    for way in (step, -step):
        model.load({name: value + way * ways[name] for name, value in weights.items()})
        ends.append(float((model.logits(text) * pull).sum()))
    return abs((ends[0] - ends[1]) / (2 * step) - slope) / max(size, 1e-12)


@check(
    points=1,
    needs=test_scores_every_next_symbol,
    hint="A block has 4 width**2 weights of attention and a feed-forward part; keep blocks in nn.ModuleList.",
)
def test_size_follows_the_sizes(build):
    """Every layer adds a whole block of weights, 8 to 20 times width squared"""
    width = 16
    counts = [
        sum(value.numel() for value in build(layers=n, width=width).weights().values()) for n in (1, 2, 3)
    ]
    block, other_block = counts[1] - counts[0], counts[2] - counts[1]
    if block != other_block or not 8 * width**2 <= block <= 20 * width**2 + 40 * width:
        wrong(f"With 1, 2 and 3 layers of width {width} there are {counts} weights.")


@check(
    points=1,
    needs=test_scores_every_next_symbol,
    hint="Start weights near 0, such as normal with deviation 0.02; mind embeddings shared with the output.",
)
def test_starts_without_preferences(build, rng):
    """Before training, the cross-entropy is near log(vocabulary)"""
    text = texts(rng, 16, 12)
    nats = math.log(2) * bits_per_token(build().logits(text), texts(rng, 16, 12))
    if not abs(nats - math.log(8)) < 0.7:
        wrong(
            f"An untrained GPT has a cross-entropy of {nats:.2f} nats; a uniform guess has {math.log(8):.2f}."
        )


@check(
    points=1,
    needs=test_scores_every_next_symbol,
    hint="Write attention with products, a mask and a softmax, as in the exercise before.",
)
def test_attention_is_your_own(source):
    """Attention is built here, not taken from a library"""
    if places := ready_made(source, "gpt.py", READY_MADE):
        wrong("\n".join(places[:5]), reason="forbidden")


# ---- the loss ------------------------------------------------------------------------------


@check(points=1, hint="The mean over batch and time of -log softmax(logits)[target], natural logarithm.")
def test_loss_is_cross_entropy(submission, rng):
    """The loss is the mean cross-entropy in nats"""
    for shape in ((1, 1), (4, 3), (2, 9)):
        logits, targets = rng.normal(size=(*shape, 8)) * 2, rng.integers(8, size=shape)
        got = submission.loss(torch.tensor(logits).float(), torch.tensor(targets))
        want = math.log(2) * bits_per_token(logits, targets)
        assert_close(expect_number(got, what="loss(logits, targets)"), want, what="loss(logits, targets)")


@check(
    points=1,
    needs=test_loss_is_cross_entropy,
    hint="exp() overflows: use log_softmax or logsumexp, never the logarithm of a softmax.",
)
def test_loss_survives_large_logits(submission, rng):
    """The loss and its gradient are right for large logits"""
    logits, targets = rng.normal(size=(4, 5, 8)) * 300, rng.integers(8, size=(4, 5))
    function = submission.loss
    if not hasattr(function, "vjp"):
        wrong(f"loss: expected a function, got {kind_of(function)}.", reason="wrong-type")
    back = submission.vjp(
        function, torch.tensor(logits).float(), torch.tensor(targets), cotangent=torch.ones(())
    )
    want = math.log(2) * bits_per_token(logits, targets)
    assert_close(expect_number(back.output, what="loss(logits, targets)"), want, what="loss(logits, targets)")
    slope = (np.exp(log_softmax(logits)) - np.eye(8)[targets]) / targets.size
    assert_close(next(iter(back.inputs), None), slope, what="the gradient of the loss by the logits")


# ---- generation ----------------------------------------------------------------------------


@check(
    points=2,
    needs=test_scores_every_next_symbol,
    hint="At temperature 0, append the argmax of the last position's logits, and feed the longer text back.",
)
def test_greedy_takes_the_most_likely(choosy, generate, rng):
    """At temperature 0, generation takes the most likely symbol each time"""
    prompts = texts(rng, 60, 4)  # so many that hardly a model can have the same symbols after all of them
    symbols = generate(choosy, prompts, length=6, temperature=0.0, seed=rng.seed())
    _require_most_likely(choosy, np.concatenate([prompts, symbols], axis=1), start=4)


def _require_most_likely(model, text, start):
    """Require that each symbol from `start` on is the most likely one after the context before it."""
    context = model.sizes["context"]
    for place in range(start, text.shape[1]):
        logits = model.logits(text[:, max(0, place - context) : place])[:, -1]
        chosen = np.take_along_axis(logits, text[:, place, None], axis=-1)[:, 0]
        if (chosen < logits.max(axis=-1) - STILL).any():
            wrong(f"Symbol {place - start + 1} of a continuation is not the most likely one there.")


@check(
    points=1,
    needs=test_greedy_takes_the_most_likely,
    hint="Show the model the last `context` symbols of prompt and continuation.",
)
def test_long_text_slides_the_window(choosy, generate, rng):
    """Generation goes on beyond the context, from the last symbols that fit"""
    prompts = texts(rng, 3, 17)  # longer than the context of 12
    symbols = generate(choosy, prompts, length=8, temperature=0.0, seed=rng.seed())
    _require_most_likely(choosy, np.concatenate([prompts, symbols], axis=1), start=17)
    prompts = texts(rng, 2, 10)
    symbols = generate(choosy, prompts, length=6, temperature=0.0, seed=rng.seed())
    _require_most_likely(choosy, np.concatenate([prompts, symbols], axis=1), start=10)


@check(
    points=2,
    needs=test_greedy_takes_the_most_likely,
    hint="Draw from softmax(logits / temperature), anew for each row and each step.",
)
def test_temperature_shapes_the_draws(model, generate, rng):
    """Symbols are drawn from softmax(logits / temperature), each row on its own"""
    prompts = texts(rng, 4, 5)
    for temperature in (0.5, 2.0):
        rows = prompts.repeat(1000, axis=0)
        pairs = generate(model, rows, length=2, temperature=temperature, seed=rng.seed())
        counted = (pairs[:, 0] * 8 + pairs[:, 1]).reshape(4, 1000)
        for prompt, symbols in zip(prompts, counted, strict=True):
            counts = np.bincount(symbols, minlength=64)
            if goodness_of_fit(counts, _pair_law(model, prompt[None], temperature)) < CHANCE:
                wrong(f"1000 pairs drawn at temperature {temperature} do not follow the model's law.")


def _pair_law(model, prompt, temperature):
    """Return the probability (64,) of each pair of next symbols after a prompt (1, time)."""
    longer = np.concatenate([prompt.repeat(8, axis=0), np.arange(8)[:, None]], axis=1)
    first, second = (
        np.exp(log_softmax(model.logits(text)[:, -1] / temperature)) for text in (prompt, longer)
    )  # (1, vocabulary), (8, vocabulary)
    return (first.T * second).ravel()


@check(
    points=2,
    needs=test_greedy_takes_the_most_likely,
    hint="Make a torch.Generator, seed it once, and hand it to every draw.",
)
def test_same_seed_same_text(model, generate, rng):
    """The same seed gives the same text, another seed another one"""
    prompts, seed = texts(rng, 8, 4), rng.seed()
    first, again, other = (
        generate(model, prompts, length=8, temperature=1.0, seed=number) for number in (seed, seed, seed + 1)
    )
    if (first != again).any():
        wrong("Two calls with the same seed gave different texts.")
    if (first == other).mean() > 0.9:
        wrong("Two different seeds gave the same text.")


# ---- training ------------------------------------------------------------------------------


@check(
    points=2,
    needs=[
        test_sees_its_past_and_nothing_else,
        test_knows_positions,
        test_gradient_reaches_every_weight,
        test_size_follows_the_sizes,
        test_attention_is_your_own,
        test_loss_survives_large_logits,
    ],
    hint="The target of a position is the next symbol. Each step: windows, loss, zero_grad, backward, step.",
)
def test_learns_a_cycle(fit, rng):
    """A minute model learns a text in which each symbol has one successor"""
    cycle = np.tile(rng.permutation(8), 250)
    sizes = {"vocabulary": 8, "context": 8, "width": 16, "layers": 1, "heads": 2}
    model = fit(cycle, sizes, steps=200, batch=16, seed=rng.seed()).model
    rows = np.stack([cycle[start : start + 9] for start in range(8)])
    nats = math.log(2) * bits_per_token(model.logits(rows[:, :-1]), rows[:, 1:])
    if nats > 0.5:
        wrong(f"After 200 steps a symbol still costs {nats:.2f} nats; a mere guess costs {math.log(8):.2f}.")
    seed, text = rng.seed(), rng.integers(8, size=400)
    first, again, other = (
        fit(text, sizes, steps=3, batch=4, seed=number).losses for number in (seed, seed, seed + 1)
    )
    if not np.allclose(first, again, rtol=1e-3):
        wrong("Two trainings with the same seed went differently.")
    if np.allclose(first, other, rtol=1e-6):
        wrong("Two trainings with different seeds went alike.")


@check(
    points=1,
    needs=test_learns_a_cycle,
    hint="Return the loss of each step as a number (loss.item()), in the order of the steps.",
)
def test_losses_tell_the_truth(trained, training_text, show, rng):
    """train returns the loss of each step: it falls, and ends where the model is"""
    show.curve("Training loss", trained.losses, y_label="nats per symbol")
    context = trained.model.sizes["context"]
    starts = rng.integers(len(training_text) - context, size=(200, 1))
    rows = training_text[starts + np.arange(context + 1)]
    nats = math.log(2) * bits_per_token(trained.model.logits(rows[:, :-1]), rows[:, 1:])
    last = float(trained.losses[-25:].mean())
    if abs(last - nats) > 0.15:
        wrong(f"The losses end near {last:.2f}, but on its training text the model costs {nats:.2f} nats.")
    if not trained.losses[:3].mean() > nats + 0.3:
        wrong("The losses do not begin above where they end. Is the first that of the first step?")
