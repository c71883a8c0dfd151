"""Hidden checks: learners see their titles, outcomes and hints."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from harness.grading import assert_close, check, kind_of, metric, wrong
from harness.metrics.intervals import measurement, t_interval
from harness.proxy import Remote

CUT: Final = 2e-3
"""Singular values below this share of the largest are rounding."""
LEAST: Final = 1e-4
"""Bits: nothing is gained below it."""


@check(
    points=1,
    needs="layer_adds_a_scaled_product",
    hint="Make `down` and `up` of the weight's own dtype.",
)
def test_layer_keeps_its_precision(submission, rng):
    """A layer in double precision stays in double precision"""
    weight, bias, x = (torch.from_numpy(rng.normal(size=shape)) for shape in ((5, 7), (5,), (3, 7)))
    layer = submission.LoRALinear(weight, bias, 2, 1.0)
    if not isinstance(layer, Remote):
        wrong(f"LoRALinear(...): expected a layer, got {kind_of(layer)}.", reason="wrong-type")
    down, up = (torch.from_numpy(rng.normal(size=shape)) for shape in ((2, 7), (5, 2)))
    layer.load_state_dict({"down": down, "up": up}, strict=False)
    truth = x @ (weight + 0.5 * up @ down).T + bias
    assert_close(layer(x), truth, rtol=1e-9, atol=1e-9, dtype="float64", what="LoRALinear(...)(x) in float64")


@check(
    points=2,
    needs="adapters_are_saved_alone",
    hint="Adapters must not be folded into the weights that they sit on.",
)
def test_adapters_can_be_exchanged(submission, network, tools, rng):
    """One network serves many tasks: adapters are exchanged, and taken off again"""
    names = ("value", "narrow")
    model, tokens = network(names, 3, 3.0), rng.integers(16, size=(3, 8))
    several = [tools.drawn_adapters(names, tools.base, 3, rng) for _ in range(2)]
    none = {name: torch.zeros_like(value) for name, value in several[0].items()}
    for adapters in (*several, none):
        model.set_adapters(adapters)
        submission.merged_state(model.remote)
        truth = tools.scores(tools.changed(tools.base, adapters, 1.0), tokens)
        assert_close(
            model(tokens), truth, rtol=1e-3, atol=5e-3, what="the scores after adapters were exchanged"
        )


@check(
    points=2,
    needs="budget_is_kept",
    hint="Nothing but the adapters' products may tell the merged weights from the given ones.",
)
def test_change_has_low_rank(trained, tools):
    """What was learnt is of low rank, and it is all that was learnt"""
    for name, value in tools.base.items():
        change = trained.merged[name] - value.double()
        layer = name.removesuffix(".weight")
        if f"{layer}.down" in trained.adapters:
            _of_low_rank(change, trained.adapters[f"{layer}.down"].double(), layer)
        elif float(change.abs().max()) > 0:
            wrong(f"{name} of the merged network has changed, and no adapter sits on it.")


def _of_low_rank(change, down, layer):
    """Require a change (out, in) to lie in the rows of `down` (rank, in)."""
    values = torch.linalg.svdvals(change)
    rank = int((values > CUT * max(float(values[0]), CUT)).sum())
    if rank > len(down):
        wrong(f"The change of {layer} has rank {rank}, its adapter {len(down)}.")
    rows = torch.linalg.qr(down.T).Q  # (in, rank)
    beside = change - change @ rows @ rows.T
    if not float(beside.norm()) <= CUT * max(float(change.norm()), CUT):
        wrong(f"The change of {layer} is not made by its adapter.")


@metric(
    points=8,
    better="lower",
    unit="bits per letter beyond the languages' own law, the new one and the known ones averaged",
    scale="log",
    needs=["base_stays_frozen", test_change_has_low_rank],
    hint="Adapters on attention and on the layers after it, large steps that fall to 0, and some rehearsal.",
)
def test_learns_the_new_language(trained, world, tools, show):
    """The new language is learnt, and the known ones are kept"""
    new, old = world.excess(trained.merged)
    before_new, before_old = (float(part.mean()) for part in world.excess(tools.base))
    count, whole = (sum(value.numel() for value in some.values()) for some in (trained.adapters, tools.base))
    each = (new + old) / 2
    show.curve("Bits beyond the law, text by text", np.sort(each), x_label="text", y_label="bits")
    notes = (
        f"the new language {new.mean():.3f} bits beyond its law, {before_new:.3f} before",
        f"the known ones {old.mean():.3f}, {before_old:.3f} before",
        f"{count:,} numbers trained beside {whole:,}, counted by the grader",
    )
    return measurement(max(float(each.mean()), LEAST), t_interval(each), len(each), *notes)
