"""What a learner may run: codes, the cell, the model, its loss, clipping, training and writing."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import nn

from harness.grading import assert_close, check, expect_number, expect_tensor, expect_text, kind_of, wrong
from harness.metrics.language import bits_per_token, causal_leak, log_softmax, suffix_perturbed
from harness.metrics.sampling import goodness_of_fit

STILL: Final = 1e-4
"""Nats by which log-probabilities may move where nothing may change; float32 needs about 1e-6."""
MOVED: Final = 1e-4
"""Nats by which log-probabilities must move where something did change; usual are 0.01 to 1."""
CHANCE: Final = 1e-6
"""An honest sampler is below this p value once in a million gradings."""
PARTS: Final = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def texts(rng, rows, length):
    """Return (rows, length) random symbols of 8."""
    return rng.integers(8, size=(rows, length))


def change(before, after):
    """Return the largest change of a log-probability, nats."""
    return float(np.abs(log_softmax(before) - log_softmax(after)).max())


# ---- codes ---------------------------------------------------------------------------------


@check(points=1, hint="The alphabet is sorted(set(text)); a code is a place in it; decode is the way back.")
def test_text_becomes_codes_and_back(submission, rng):
    """A text becomes places in its sorted alphabet, and places become text again"""
    letters = rng.permutation(list("nebula RØ9.♫"))
    text = "".join(rng.choice(letters, size=60)) + "".join(letters)
    alphabet = expect_text(submission.alphabet_of(text), what="alphabet_of(text)")
    if alphabet != "".join(sorted(set(text))):
        wrong("alphabet_of(text) is not the sorted text of all its characters, each once.")
    codes = expect_tensor(
        submission.encode(text, alphabet), shape=(len(text),), dtype="int64", what="encode(text, alphabet)"
    )
    if codes.tolist() != [alphabet.index(character) for character in text]:
        wrong("encode(text, alphabet) does not give each character's place in the alphabet.")
    nothing = submission.encode("", alphabet)
    expect_tensor(nothing, shape=(0,), dtype="int64", what="encode of an empty text")
    other = alphabet[::-1]
    if expect_text(submission.decode(codes, other), what="decode(codes, alphabet)") != "".join(
        other[code] for code in codes.tolist()
    ):
        wrong("decode(codes, alphabet) does not give the characters at these places.")


# ---- the cell ------------------------------------------------------------------------------


def require_own(ready_made):
    """Require that nothing that is to be built is taken from a library, or hidden."""
    if ready_made:
        places = "\n".join(ready_made[:5])
        wrong(
            f"What is to be built may not come from a library, nor be hidden.\n{places}", reason="forbidden"
        )


def twins(submission, rng):
    """Return the submission's cell and torch's in float64, with the same random weights."""
    inputs, width = (int(size) for size in rng.permutation(np.arange(3, 9))[:2])
    twin = nn.GRUCell(inputs, width).double()
    weights = {name: torch.tensor(rng.normal(size=tuple(p.shape))) for name, p in twin.named_parameters()}
    twin.load_state_dict(weights)
    cell = submission.GRUCell(inputs, width)
    if not callable(cell) or isinstance(cell, type):
        wrong(f"GRUCell(inputs, width): expected a module, got {kind_of(cell)}.", reason="wrong-type")
    cell.load_state_dict({name: value.float() for name, value in weights.items()})
    batch = int(rng.integers(3, 7))
    return (
        cell,
        twin,
        torch.tensor(rng.normal(size=(batch, inputs))),
        torch.tensor(rng.normal(size=(batch, width))),
    )


@check(
    points=4,
    hint="The reset gate multiplies what the state adds to the proposal, its bias too; update keeps the old.",
)
def test_cell_matches_torch(submission, ready_made, rng):
    """One step of the cell is what torch's own cell makes of the same weights"""
    cell, twin, x, state = twins(submission, rng)
    require_own(ready_made)
    assert_close(
        cell(x.float(), state.float()), twin(x, state), rtol=1e-3, atol=1e-4, what="one step of GRUCell"
    )


@check(
    points=2,
    needs=test_cell_matches_torch,
    hint="Look for detach(), .data, .item() and torch.no_grad() on the way through the cell.",
)
def test_cell_gradients(submission, rng):
    """The gradient flows back through the cell to input, state and all weights"""
    cell, twin, x, state = twins(submission, rng)
    pull = torch.tensor(rng.normal(size=tuple(state.shape)))
    got = cell.vjp(x.float(), state.float(), cotangent=pull.float())
    leaves = [x.requires_grad_(), state.requires_grad_(), *twin.parameters()]
    truth = torch.autograd.grad(twin(x, state), leaves, pull)
    given = [*got.inputs[:2], *(got.parameters.get(name) for name in PARTS)]
    for name, slope, want in zip(("x", "state", *PARTS), given, truth, strict=True):
        if slope is None:
            wrong(f"No gradient reaches {name}.", reason="no-gradient")
        assert_close(slope, want, rtol=1e-2, atol=1e-3, what=f"the gradient by {name}")


# ---- the model -----------------------------------------------------------------------------


@check(points=1, hint="forward takes (batch, time) and returns unnormalised scores, (batch, time, symbols).")
def test_scores_every_next_character(model, rng):
    """A model gives a score to every character of the alphabet at every position"""
    for rows, length in ((1, 1), (3, 5), (2, 12)):
        model.logits(texts(rng, rows, length))  # which refuses what is no logits
    every_symbol = model.logits(np.arange(8)[:, None])  # (8, 1, symbols)
    if change(every_symbol[1:], every_symbol[:-1]) < MOVED:
        wrong("The scores do not depend on the character that is read.")


@check(
    points=3,
    needs=test_scores_every_next_character,
    hint="Go through the characters from first to last; each row has a state of its own.",
)
def test_sees_its_past_and_nothing_else(model, rng):
    """A position knows what came before it, in its order: nothing that comes after, no other text"""
    text = texts(rng, 6, 10)
    logits = model.logits(text)
    for place in (1, 5, 9):
        changed = model.logits(suffix_perturbed(text, place, 8, seed=rng.seed()))
        if causal_leak(logits, changed, place) > STILL:
            wrong("Changing later characters changed the scores of an earlier position: it looks ahead.")
    order = rng.permutation(6)
    if (
        change(logits[order], model.logits(text[order])) > STILL
        or change(logits[2:3], model.logits(text[2:3])) > STILL
    ):
        wrong("A text has other scores alone, or in another order of the batch.")
    text[:, -3] = (text[:, -4] + rng.integers(1, 8, size=6)) % 8
    before = model.logits(text)[:, -1]
    swapped = text[:, [*range(6), 7, 6, 8, 9]]
    if change(before, model.logits(swapped)[:, -1]) < MOVED:
        wrong("Two earlier characters changed places, and the scores after them stayed the same.")


@check(
    points=2,
    needs=test_scores_every_next_character,
    hint="read returns the state after the last character, and begins with the one that it is given.",
)
def test_pieces_equal_the_whole(model, rng):
    """A text that is read in pieces, state handed on, has the scores of the whole"""
    text = texts(rng, 5, 11)
    whole = model.logits(text)
    sizes, state, start = [], None, 0
    for stop in (1, 4, 5, 11):
        logits, state = model.read(text[:, start:stop], state)
        if change(logits, whole[:, start:stop]) > STILL:
            wrong("Read in pieces, a text has other scores than read at once.")
        sizes.append(state.shape[1])
        start = stop
    if len(set(sizes)) > 1:
        wrong(f"The state grows with what is read: {sizes} numbers per text. It has to be of one size.")
    again, _ = model.read(text[:, :1], None)
    if change(again, whole[:, :1]) > STILL:
        wrong("read(codes, None) does not begin anew: the model remembers an earlier text.")


@check(
    points=2,
    needs=[test_scores_every_next_character, test_cell_gradients],
    hint="Within a window the state is never detached: what was read early has to learn from late errors.",
)
def test_gradient_goes_back_through_time(model, rng):
    """The gradient reaches every weight, through all steps, and is the slope of the scores"""
    text, pull = texts(rng, 4, 8), np.zeros((4, 8, 8))
    pull[:, -1] = rng.normal(size=(4, 8))  # the last scores alone: all else is reached through the state
    gradients, weights = model.gradients(text, pull), model.weights()
    if idle := [name for name, slope in gradients.items() if slope is None]:
        wrong(f"The scores do not depend on {', '.join(idle[:3])}: no gradient arrives there.")
    if {name: slope.shape for name, slope in gradients.items()} != {n: w.shape for n, w in weights.items()}:
        wrong("The gradients do not have the shapes of the parameters.", reason="wrong-shape")
    try:
        errors = [_slope_error(model, weights, gradients, text, pull, rng) for _ in range(7)]
    finally:
        model.load(weights)
    if np.median(errors) > 0.03:
        wrong("The gradient is not the slope of the scores: part of the way back is cut.")


def _slope_error(model, weights, gradients, text, pull, rng, step=1e-3):
    """Return how far slope and difference quotient differ along a random way, over the gradient's length."""
    ways = {name: torch.tensor(rng.normal(size=tuple(value.shape))) for name, value in weights.items()}
    slope = sum(float((ways[name] * gradients[name].double()).sum()) for name in weights)
    size = math.sqrt(sum(float(value.double().square().sum()) for value in gradients.values()))
    ends = []
    for way in (step, -step):
        model.load({name: value + way * ways[name] for name, value in weights.items()})
        ends.append(float((model.logits(text) * pull).sum()))
    return abs((ends[0] - ends[1]) / (2 * step) - slope) / max(size, 1e-12)


# ---- loss and clipping ---------------------------------------------------------------------


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
    given = torch.tensor(logits).float()
    back = submission.vjp(function, given, torch.tensor(targets), cotangent=torch.ones(()))
    want = math.log(2) * bits_per_token(logits, targets)
    assert_close(expect_number(back.output, what="loss(logits, targets)"), want, what="loss(logits, targets)")
    slope = (np.exp(log_softmax(logits)) - np.eye(8)[targets]) / targets.size
    assert_close(next(iter(back.inputs), None), slope, what="the gradient of the loss by the logits")


@check(points=2, hint="One length over all tensors; one factor, min(1, limit / length); small ones stay.")
def test_clip_shortens_all_together(submission, ready_made, rng):
    """Clipping scales all gradients by one factor, and leaves short ones alone"""
    parts = [rng.normal(size=shape) * scale for shape, scale in (((3, 4), 1), ((5,), 10), ((2, 1, 3), 0.1))]
    whole = math.sqrt(sum(float((part**2).sum()) for part in parts))
    for share in (0.05, 0.6, 1.7):
        got = submission.clip([torch.tensor(part).float() for part in parts], share * whole)
        require_own(ready_made)
        if not isinstance(got, (list, tuple)) or len(got) != len(parts):
            wrong(
                f"clip(gradients, limit): expected as many tensors, got {kind_of(got)}.", reason="wrong-type"
            )
        for number, (mine, part) in enumerate(zip(got, parts, strict=True)):
            assert_close(
                mine, part * min(1, share), rtol=1e-3, what=f"tensor {number} of clip(gradients, limit)"
            )
    zeros = submission.clip([torch.zeros(3)], 1.0)
    assert_close(next(iter(zeros), None), np.zeros(3), what="clip of gradients that are all 0")


# ---- generation ----------------------------------------------------------------------------


@check(
    points=2,
    needs=test_pieces_equal_the_whole,
    hint="At temperature 0 append the argmax of the last scores, and read it on from the state.",
)
def test_greedy_takes_the_most_likely(model, generate, rng):
    """At temperature 0, generation takes the most likely character after all that came before"""
    for length in (4, 1):
        prompts = texts(rng, 5, length)
        codes = generate(model, prompts, length=9, temperature=0.0, seed=rng.seed())
        text = np.concatenate([prompts, codes], axis=1)
        logits = model.logits(text[:, :-1])[:, length - 1 :]  # (5, 9, symbols)
        chosen = np.take_along_axis(logits, codes[..., None], axis=-1)[..., 0]
        if (chosen < logits.max(axis=-1) - STILL).any():
            wrong("A continuation holds a character that is not the most likely one at its place.")


@check(
    points=2,
    needs=test_greedy_takes_the_most_likely,
    hint="Draw from softmax(logits / temperature), anew for each row and each step.",
)
def test_temperature_shapes_the_draws(model, generate, rng):
    """Characters are drawn from softmax(logits / temperature), each row on its own"""
    prompt = texts(rng, 1, 5)
    for temperature in (0.5, 2.0):
        pairs = generate(
            model, prompt.repeat(4000, axis=0), length=2, temperature=temperature, seed=rng.seed()
        )
        counts = np.bincount(pairs[:, 0] * 8 + pairs[:, 1], minlength=64)
        if goodness_of_fit(counts, _pair_law(model, prompt, temperature)) < CHANCE:
            wrong(f"4000 pairs drawn at temperature {temperature} do not follow the model's law.")


def _pair_law(model, prompt, temperature):
    """Return the probability (64,) of each pair of next characters after a prompt (1, time)."""
    longer = np.concatenate([prompt.repeat(8, axis=0), np.arange(8)[:, None]], axis=1)
    first, second = (
        np.exp(log_softmax(model.logits(text)[:, -1] / temperature)) for text in (prompt, longer)
    )  # (1, symbols), (8, symbols)
    return (first.T * second).ravel()


@check(
    points=1,
    needs=test_greedy_takes_the_most_likely,
    hint="Make a torch.Generator, seed it once, and hand it to every draw.",
)
def test_same_seed_same_text(model, generate, rng):
    """The same seed gives the same text, another seed another one"""
    prompts, seed = texts(rng, 8, 4), rng.seed()
    first, again, other = (
        generate(model, prompts, length=12, temperature=1.0, seed=number) for number in (seed, seed, seed + 1)
    )
    if (first != again).any():
        wrong("Two calls with the same seed gave different texts.")
    if (first == other).mean() > 0.9:
        wrong("Two different seeds gave the same text.")


# ---- training ------------------------------------------------------------------------------


@check(
    points=2,
    needs=[
        test_text_becomes_codes_and_back,
        test_cell_gradients,
        test_sees_its_past_and_nothing_else,
        test_pieces_equal_the_whole,
        test_gradient_goes_back_through_time,
        test_loss_survives_large_logits,
        test_clip_shortens_all_together,
    ],
    hint="The target of a position is the next character. Each step: windows, loss, gradients, clip, step.",
)
def test_learns_what_needs_a_memory(fit, rng):
    """A small model learns a text in which one character does not tell the next"""
    first, second, third = rng.permutation(list("xyz- Ω")).tolist()[:3]
    cycle = (
        first + first + second + first + third + second + third + third
    )  # pairs tell the next, letters do not
    text = cycle * 100
    model = fit(text, width=24, steps=200, batch=16, length=12, seed=rng.seed()).model
    codes = np.array(["".join(sorted(set(text))).index(character) for character in text])
    rows = np.stack([codes[start : start + 13] for start in range(8)])
    nats = math.log(2) * bits_per_token(model.logits(rows[:, :-1])[:, 4:], rows[:, 5:])
    if nats > 0.35:
        wrong(f"After 200 steps a character still costs {nats:.2f} nats; the text is perfectly regular.")
    seed, short = rng.seed(), "".join(rng.choice(list("abcde"), size=300)) + "abcde"
    sizes = {"width": 8, "steps": 3, "batch": 4, "length": 6}
    once, again, other = (fit(short, **sizes, seed=number) for number in (seed, seed, seed + 1))
    if not np.allclose(once.losses, again.losses, rtol=1e-3):
        wrong("Two trainings with the same seed went differently.")
    if np.allclose(once.losses, other.losses, rtol=1e-6):
        wrong("Two trainings with different seeds went alike.")


@check(
    points=1,
    needs=test_learns_what_needs_a_memory,
    hint="Return the loss of each step as a number (loss.item()), in the order of the steps.",
)
def test_losses_tell_the_truth(trained, training_codes, show, rng):
    """train returns the loss of each step: it falls, and ends where the model is"""
    show.curve("Training loss", trained.losses, y_label="nats per character")
    starts = rng.integers(len(training_codes) - 25, size=(400, 1))
    rows = training_codes[starts + np.arange(25)]
    nats = math.log(2) * bits_per_token(trained.model.logits(rows[:, :-1]), rows[:, 1:])
    last = float(trained.losses[-25:].mean())
    if abs(last - nats) > 0.15:
        wrong(f"The losses end near {last:.2f}, but on its training text the model costs {nats:.2f} nats.")
    if not trained.losses[:3].mean() > nats + 0.3:
        wrong("The losses do not begin above where they end. Is the first that of the first step?")
