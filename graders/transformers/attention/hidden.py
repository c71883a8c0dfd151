"""Hidden checks: learners see their titles, outcomes and hints."""

import torch

from harness.grading import assert_close, check, expect_tensor, wrong

HALF_DIGITS = {"rtol": 1e-3, "atol": 1e-4}
"""For gradients in float32, which add up more roundings than values do."""


# ---- attention and its masks -----------------------------------------------------------------


@check(
    points=2,
    needs=["matches_the_definition", "hides_what_the_mask_hides"],
    hint="rely on broadcasting against (..., n, m), whatever axes the mask has",
)
def test_broadcasts_masks(attention, truth, draw, sizes, rng):
    """One mask serves all queries, all heads or the whole batch: masks broadcast"""
    batch, heads, n, m, d = sizes(5)
    query, key, value = draw(batch, heads, n, d), draw(batch, heads, m, d), draw(batch, heads, m, 2)
    for shape in ((m,), (n, m), (heads, 1, m), (batch, 1, 1, m), (batch, 1, n, m), (batch, heads, n, m)):
        mask = torch.from_numpy(rng.random(shape) < 0.5)
        mask[..., int(rng.integers(m))] = True
        what = f"attention with a mask of {len(shape)} axes"
        assert_close(attention(query, key, value, mask), truth(query, key, value, mask), what=what)


@check(
    points=1,
    needs=["matches_the_definition", "layer_norm_matches_torch"],
    hint="x -= …, x *= … and functions that end in _ write into the caller's tensor: make a new one",
)
def test_leaves_its_inputs_alone(submission, attention, layer_norm, truth, draw, sizes):
    """No input is overwritten: autograd refuses that, and a caller would be surprised"""
    batch, n, m, d, e = sizes(5)
    query, key, value = draw(batch, n, d), draw(batch, m, d), draw(batch, m, e)
    # vjp makes every input a leaf that needs a gradient; writing into one raises.
    answer = submission.vjp(attention, query, key, value, cotangent=torch.ones(batch, n, e)).output
    assert_close(answer, truth(query, key, value), what="attention(query, key, value) under autograd")
    x, gain, bias = draw(n, d), draw(d), draw(d)
    answer = submission.vjp(layer_norm, x, gain, bias, cotangent=torch.ones(n, d)).output
    want = torch.nn.functional.layer_norm(x.double(), (d,), gain.double(), bias.double())
    assert_close(answer, want, rtol=1e-3, atol=1e-3, what="layer_norm(x, gain, bias) under autograd")


@check(
    points=2,
    needs=["matches_the_definition", "hides_what_the_mask_hides"],
    hint="stay within torch's operations: detach(), no_grad() and NumPy cut the graph",
)
def test_gradients_match_float64(attention, truth, draw, sizes, rng, gradients):
    """Gradients reach query, key and value, and are right"""
    batch, n, m, d, e = sizes(5)
    inputs = {"query": draw(batch, n, d), "key": draw(batch, m, d), "value": draw(batch, m, e)}
    mask = torch.from_numpy(rng.random((n, m)) < 0.6)
    mask[:, int(rng.integers(m))] = True
    cotangent = draw(batch, n, e)
    for more in ((), (mask,)):
        got = gradients(attention, inputs, *more, cotangent=cotangent)
        _expect_gradients(got, inputs, lambda *given, more=more: truth(*given, *more), cotangent)


@check(
    points=2,
    needs=["returns_zeros_where_nothing_may_be_seen", "gradients_match_float64"],
    hint="a NaN that is replaced after the softmax still has a NaN gradient: keep it from arising",
)
def test_gradients_survive_masked_rows(attention, truth, draw, sizes, rng, gradients):
    """A query that may look nowhere has gradients of zero and spoils nobody else's"""
    batch, n, m, d, e = sizes(5)
    inputs = {"query": draw(batch, n, d), "key": draw(batch, m, d), "value": draw(batch, m, e)}
    mask = torch.from_numpy(rng.random((n, m)) < 0.6)
    mask[:, int(rng.integers(m))] = True
    mask[int(rng.integers(n))] = False
    cotangent = draw(batch, n, e)
    got = gradients(attention, inputs, mask, cotangent=cotangent)
    _expect_gradients(got, inputs, lambda *given: truth(*given, mask), cotangent)


def _expect_gradients(got, inputs, function, cotangent):
    """Require the gradients of sum(function(*inputs) * cotangent), computed in float64."""
    leaves = [tensor.double().requires_grad_() for tensor in inputs.values()]
    want = torch.autograd.grad((function(*leaves) * cotangent.double()).sum(), leaves)
    for name, ours, theirs in zip(inputs, got, want, strict=True):
        assert_close(ours, theirs, what=f"the gradient for {name}", **HALF_DIGITS)


@check(
    points=1,
    hint="count axes from the end: transpose(-2, -1), softmax(dim=-1), @; bmm and .T know one layout only",
)
def test_batch_equals_one_by_one(attention, draw, sizes):
    """Two leading axes, one or none: each sequence gets the answer that it gets alone"""
    batch, heads, n, m, d, e = sizes(6)
    query, key, value = draw(batch, heads, n, d), draw(batch, heads, m, d), draw(batch, heads, m, e)
    together = expect_tensor(attention(query, key, value), shape=(batch, heads, n, e))
    if torch.isclose(together[0, 0], together[-1, -1]).any(dim=-1).all():
        wrong("Different sequences get the same answer.")
    assert_close(attention(query[1], key[1], value[1]), together[1], what="attention with one leading axis")
    for i, j in ((0, 0), (batch - 1, heads - 1)):
        alone = attention(query[i, j], key[i, j], value[i, j])
        assert_close(alone, together[i, j], what="attention without leading axes")


# ---- several heads ---------------------------------------------------------------------------


@check(
    points=2,
    needs="multi_head_matches_torch",
    hint="give the mask an axis for the heads: (batch, n, m) is not (heads, n, m), even if both fit",
)
def test_multi_head_attends_across_sequences(multi_head, draw, sizes, rng):
    """Queries of one sequence look at another's keys, under a mask of their own for each sequence"""
    n, m = (4 + size for size in sizes(2))  # so large that no two sequences are drawn the same mask
    batch = multi_head.heads  # so that a mask which lands on the wrong axis does not raise, but is wrong
    query, key, value = (draw(batch, length, multi_head.width) for length in (n, m, m))
    for shape in ((n, m), (batch, n, m)):
        mask = torch.from_numpy(rng.random(shape) < 0.5)
        mask[..., int(rng.integers(m))] = True
        want = multi_head.truth(query, key, value, mask)
        assert_close(
            multi_head.model(query, key, value, mask), want, what=f"with a mask of {len(shape)} axes"
        )


@check(
    points=2,
    needs="multi_head_matches_torch",
    hint="use the layers themselves, not copies or .data of their weights",
)
def test_multi_head_gradients(multi_head, draw, sizes):
    """All four projections learn: each weight and bias gets its gradient"""
    batch, n, m = sizes(3)
    query, key, value = (draw(batch, length, multi_head.width) for length in (n, m, m))
    cotangent = draw(batch, n, multi_head.width)
    got = multi_head.model.vjp(query, key, value, cotangent=cotangent).parameters
    want = multi_head.gradients(multi_head.truth(query, key, value), cotangent)
    for name, gradient in want.items():
        if got.get(name) is None:
            wrong(f"No gradient reaches {name}.", reason="no-gradient")
        assert_close(got[name], gradient, what=f"the gradient for {name}", **HALF_DIGITS)


@check(
    points=1,
    hint="heads and tokens are different axes: transpose after the reshape, and back before the next",
)
def test_permuting_tokens_permutes_outputs(multi_head, draw, rng):
    """Attention takes tokens as a set: put them in another order and the outputs follow"""
    batch, tokens = 6, 8  # so many that a permutation hardly ever leaves them as they are
    x = draw(batch, tokens, multi_head.width)
    order = torch.from_numpy(rng.permutation(tokens))
    out = expect_tensor(multi_head.model(x, x, x), shape=x.shape)
    assert_close(multi_head.model(*[x[:, order]] * 3), out[:, order], what="the outputs for permuted tokens")
    other = torch.cat((draw(batch, 1, multi_head.width), x[:, 1:]), dim=1)
    moved = expect_tensor(multi_head.model(other, other, other), shape=x.shape) - out
    if not moved[:, 1:].abs().max() > 1e-5:
        wrong("Changing one token leaves the outputs of all others as they were.")


@check(points=2, hint="True means 'may look', and token i may look at j <= i only")
def test_later_tokens_do_not_move_earlier_outputs(multi_head, causal_mask, draw):
    """Under the causal mask, the future does not reach the past, and the past reaches the future"""
    batch, tokens = 6, 8  # more than there are heads: tokens that are mistaken for heads miss the last ones
    x = draw(batch, tokens, multi_head.width)
    mask = expect_tensor(causal_mask(tokens), shape=(tokens, tokens), dtype="bool")
    before = expect_tensor(multi_head.model(x, x, x, mask), shape=x.shape)
    for change in range(1, tokens):
        other = x.clone()
        other[:, change] = draw(batch, multi_head.width)
        after = expect_tensor(multi_head.model(other, other, other, mask), shape=x.shape)
        assert_close(after[:, :change], before[:, :change], what="outputs before the token that was changed")
        if not ((after - before)[:, change:].abs().amax(dim=(0, 2)) > 1e-5).all():
            wrong("A changed token leaves its own output or a later one as it was, in every sequence.")


# ---- layer normalisation ---------------------------------------------------------------------


@check(
    points=1,
    needs="layer_norm_matches_torch",
    hint="subtract the mean first: E[x²] − E[x]² loses all digits far from zero",
)
def test_layer_norm_is_exact_far_from_zero(layer_norm, draw, sizes):
    """Adding a large number to every entry changes nothing: the variance is taken around the mean"""
    batch, tokens = sizes(2)
    width = 24  # wide enough that no vector is nearly constant, which would magnify what float32 has to round
    gain, bias = draw(width), draw(width)
    x = draw(batch, tokens, width) + 5_000
    want = torch.nn.functional.layer_norm(x.double(), (width,), gain.double(), bias.double())
    assert_close(
        layer_norm(x, gain, bias), want, rtol=0.02, atol=0.02, what="layer_norm of numbers near 5,000"
    )


@check(
    points=1,
    needs="layer_norm_matches_torch",
    hint="the mean and the variance depend on x, and the gradient has to know",
)
def test_layer_norm_gradients(layer_norm, draw, sizes, gradients):
    """Gradients reach x, gain and bias, through the mean and the variance as well"""
    batch, tokens = sizes(2)
    width = 12
    inputs = {"x": draw(batch, tokens, width), "gain": draw(width), "bias": draw(width)}
    cotangent = draw(batch, tokens, width)
    got = gradients(layer_norm, inputs, cotangent=cotangent)
    _expect_gradients(
        got, inputs, lambda x, gain, bias: torch.nn.functional.layer_norm(x, (width,), gain, bias), cotangent
    )
