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
LEAST: Final = 1e-3
"""Excess, in bits, below which the marks do not tell models apart: sampling noise is larger."""


# ---- training --------------------------------------------------------------------------------


@check(
    points=1,
    needs="learns_a_cycle",
    hint="All that training finds out has to be in the parameters and buffers of the GPT that it returns.",
)
def test_weights_are_the_model(trained, build, held_out):
    """The trained weights, loaded into a new GPT, give the same scores"""
    fresh = build(**trained.model.sizes)
    fresh.remote.load_state_dict(trained.model.state())
    rows = held_out[:50, :-1]
    if np.abs(log_softmax(fresh.logits(rows)) - log_softmax(trained.model.logits(rows))).max() > STILL:
        wrong("A new GPT with the trained weights gives other scores than the trained model.")


@check(
    points=2,
    needs="learns_a_cycle",
    hint="Training must not change how forward works: positions see the past only, rows are on their own.",
)
def test_trained_model_cannot_see_ahead(trained, chain, held_out, held_out_logits, rng):
    """The trained model does not look ahead, nor beat what its source allows"""
    rows, logits = held_out[:, :-1], held_out_logits
    chosen = rng.permutation(len(rows))[:90]
    for place, group in zip((1, 8, rows.shape[1] - 1), np.split(chosen, 3), strict=True):
        changed = trained.model.logits(suffix_perturbed(rows[group], place, 8, seed=rng.seed()))
        if causal_leak(logits[group], changed, place) > STILL:
            wrong("Changing later symbols changed earlier scores of the trained model.")
    few = chosen[:7]
    if np.abs(log_softmax(trained.model.logits(rows[few])) - log_softmax(logits[few])).max() > STILL:
        wrong("The trained model gives a text other scores in another batch.")
    oracle = -chain.log_probs(rows)[:, 1:] / np.log(2)
    shown = excess_bits(token_bits(logits[:, :-1], rows[:, 1:]), oracle.ravel(), block=rows.shape[1] - 1)
    if below_floor(shown):
        wrong(
            f"It is {-shown.mean:.3f} bits below the exact entropy, {-shown.z:.0f} standard errors: a leak."
        )


@metric(
    points=8,
    better="lower",
    unit="excess bits per symbol over the source",
    scale="log",
    needs=[test_weights_are_the_model, test_trained_model_cannot_see_ahead],
    hint="Let the learning rate rise over the first steps to about 0.005, and then fall to 0.",
)
def test_predicts_held_out_text(chain, held_out, held_out_logits, show) -> Measurement:
    """Held-out text costs hardly more bits than its source's entropy

    Only the last symbol of each row is scored: it was never sent, so no model can have seen it.
    """
    oracle = -chain.log_probs(held_out)[:, 1:] / np.log(2)  # (rows, context)
    bits = token_bits(held_out_logits, held_out[:, 1:]).reshape(oracle.shape)
    show.curve(
        "Excess over the source by position", (bits - oracle).mean(axis=0), x_label="position", y_label="bits"
    )
    last, floor = bits[:, -1], oracle[:, -1]
    excess = excess_bits(last, floor, block=1)  # rows are independent
    if below_floor(excess):
        wrong("It is below the exact entropy of symbols that it never saw.")
    notes = (
        f"the model {last.mean():.4f} bits, the source itself on the same symbols {floor.mean():.4f}",
        f"entropy rate {chain.entropy_rate:.4f} bits, best bigram model {chain.conditional_entropy(1):.4f}",
        f"each symbol after a context of {held_out.shape[1] - 1}, paired with the source's own prediction",
    )
    return measurement(max(excess.mean, LEAST), t_interval(last - floor), excess.n, *notes)


# ---- generation ------------------------------------------------------------------------------


@check(
    points=3,
    needs=test_trained_model_cannot_see_ahead,
    hint="At temperature 1 a good model writes text whose statistics are those of the text that it has read.",
)
def test_samples_follow_the_source(trained, generate, chain, rng, show):
    """Generated text looks like the source: its transitions are as frequent and as surprising"""
    prompts = chain.sample_many(64, 8, rng.seed())
    symbols = generate(trained.model, prompts, length=100, temperature=1.0, seed=rng.seed())
    text = np.concatenate([prompts[:, -2:], symbols], axis=1)
    show.text("Text it generated", "\n".join(chain.decode(row) for row in symbols[:6]))
    counts = np.zeros((64, 8))
    np.add.at(counts, (text[:, :-2] * 8 + text[:, 1:-1], text[:, 2:]), 1)
    _show_transitions(counts, chain, show)
    surprise = float(-(counts * np.log2(chain.table)).sum() / counts.sum())
    if abs(surprise - chain.entropy_rate) > 0.3:
        wrong(f"A generated symbol costs {surprise:.2f} bits under the source, not {chain.entropy_rate:.2f}.")
    shares = counts.sum(axis=1) / counts.sum()
    if np.abs(shares - chain.stationary).sum() / 2 > 0.12:
        wrong("Pairs of symbols are not as frequent as in the source's text.")


def _show_transitions(counts, chain, show):
    """Draw p(next | two before) of the source and of the generated text, a column per context."""
    seen = counts / counts.sum(axis=1, keepdims=True).clip(1)
    tables = np.stack([np.kron(table.T, np.ones((8, 8))) for table in (chain.table, seen)])
    caption = "Above the source, below the text: the next symbol (row) after each pair (column)."
    show.images("Transitions", tables, columns=1, caption=caption)
