"""What only the grader asks: the trained model on text that it has not seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.grading import Measurement, check, metric, wrong
from harness.metrics.intervals import measurement, t_interval
from harness.metrics.language import (
    below_floor,
    causal_leak,
    excess_bits,
    log_softmax,
    suffix_perturbed,
    token_bits,
)

STILL: Final = 1e-3
"""Nats by which a trained model's log-probabilities may move where nothing may change."""


@check(
    points=1,
    needs="learns_what_needs_a_memory",
    hint="All that training finds out has to be in the parameters and buffers of the CharRNN.",
)
def test_weights_are_the_model(trained, build, held_out):
    """The trained weights, loaded into a new model, give the same scores"""
    fresh = build(held_out.max() + 1, 48)
    fresh.remote.load_state_dict(trained.model.state())
    rows = held_out[:50, :-1]
    if np.abs(log_softmax(fresh.logits(rows)) - log_softmax(trained.model.logits(rows))).max() > STILL:
        wrong("A new CharRNN with the trained weights gives other scores than the trained model.")


@check(
    points=2,
    needs="learns_what_needs_a_memory",
    hint="Training must not change how a text is read: from first to last, each row on its own.",
)
def test_trained_model_cannot_see_ahead(trained, hmm, held_out, held_out_logits, rng):
    """The trained model does not look ahead, nor beat what its source allows"""
    rows, logits = held_out[:, :-1], held_out_logits
    chosen = rng.permutation(len(rows))[:90]
    for place, group in zip((1, 8, rows.shape[1] - 1), np.split(chosen, 3), strict=True):
        changed = trained.model.logits(
            suffix_perturbed(rows[group], place, logits.shape[-1], seed=rng.seed())
        )
        if causal_leak(logits[group], changed, place) > STILL:
            wrong("Changing later characters changed earlier scores of the trained model.")
    few = chosen[:7]
    if np.abs(log_softmax(trained.model.logits(rows[few])) - log_softmax(logits[few])).max() > STILL:
        wrong("The trained model gives a text other scores in another batch.")
    oracle = -hmm.log_probs(rows)[:, 1:] / np.log(2)
    shown = excess_bits(token_bits(logits[:, :-1], rows[:, 1:]), oracle.ravel(), block=rows.shape[1] - 1)
    if below_floor(shown):
        wrong(f"It is {-shown.mean:.3f} bits below the exact entropy, {-shown.z:.0f} errors: a leak.")


@metric(
    points=8,
    better="lower",
    unit="excess bits per character over the source",
    needs=[test_weights_are_the_model, test_trained_model_cannot_see_ahead],
    hint="Let the learning rate rise over the first steps to about 0.01, and then fall to 0.",
)
def test_predicts_held_out_text(hmm, held_out, held_out_logits, show) -> Measurement:
    """Held-out text costs hardly more bits than its source's entropy

    Only the last character of each row is scored: it was never sent, so no model can have seen it.
    """
    oracle = -hmm.log_probs(held_out)[:, 1:] / np.log(2)  # (rows, LENGTH)
    bits = token_bits(held_out_logits, held_out[:, 1:]).reshape(oracle.shape)
    show.curve(
        "Excess over the source by position", (bits - oracle).mean(axis=0), x_label="position", y_label="bits"
    )
    last, floor = bits[:, -1], oracle[:, -1]
    excess = excess_bits(last, floor, block=1)  # rows are independent
    if below_floor(excess):
        wrong("It is below the exact entropy of characters that it never saw.")
    notes = (
        f"the model {last.mean():.4f} bits, the source itself on the same characters {floor.mean():.4f}",
        f"each character after a context of {held_out.shape[1] - 1}, paired with the forward algorithm's own",
    )
    return measurement(excess.mean, t_interval(last - floor), excess.n, *notes)


@check(
    points=2,
    needs=test_trained_model_cannot_see_ahead,
    hint="At temperature 1 a good model writes text whose statistics are those of the text that it has read.",
)
def test_samples_follow_the_source(trained, generate, hmm, alphabet, rng, show):
    """Generated text looks like the source: its characters are as surprising and as frequent"""
    prompts = hmm.sample(64, 12, rng.seed())
    codes = generate(trained.model, prompts, length=100, temperature=1.0, seed=rng.seed())
    text = np.concatenate([prompts, codes], axis=1)
    show.text("Text it wrote", "\n".join("".join(np.array(list(alphabet))[row]) for row in codes[:6]))
    real = hmm.sample(400, text.shape[1], rng.seed())
    surprises = [float(-hmm.log_probs(one)[:, 12:].mean() / np.log(2)) for one in (text, real)]
    if abs(surprises[0] - surprises[1]) > 0.2:
        wrong(f"A written character costs {surprises[0]:.2f} bits under the source, not {surprises[1]:.2f}.")
    shares = [_pair_shares(one) for one in (text[:, 12:], real[:, 12:])]
    if np.abs(shares[0] - shares[1]).sum() / 2 > 0.15:
        wrong("Pairs of characters are not as frequent as in the source's text.")


def _pair_shares(text):
    """Return the share (144,) of each pair of neighbours."""
    pairs = text[:, :-1] * 12 + text[:, 1:]
    return np.bincount(pairs.ravel(), minlength=144) / pairs.size
