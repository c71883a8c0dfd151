"""Public checks: learners may read them and run them with `roadmark check`."""

import math

import numpy as np
import torch

from harness.grading import assert_close, check, expect_array, expect_tensor, wrong

# ---- attention and its masks -----------------------------------------------------------------


@check(points=3, hint="scores = query @ keyᵀ / √d; softmax over the last axis; then @ value")
def test_matches_the_definition(attention, truth, draw, sizes):
    """attention(q, k, v) is softmax(q kᵀ / √d) v"""
    batch, n, m, d, e = sizes(5)
    query, key, value = draw(batch, n, d), draw(batch, m, d), draw(batch, m, e)
    answer = attention(query, key, value)
    assert_close(answer, truth(query, key, value), dtype="float32", what="attention(query, key, value)")


@check(points=1, hint="subtract the row's maximum before exp(), or let torch.softmax do so")
def test_survives_large_scores(attention, draw, rng):
    """Scores of a million are no reason for NaN: a softmax does not change when its row is shifted"""
    place = rng.permutation(6)  # query i matches the key at place[i], and no other
    query, key, value = 1024 * torch.eye(6, 16).unsqueeze(0), torch.zeros(1, 6, 16), draw(1, 6, 4)
    key[:, place] = query
    answer = attention(query, key, value)
    what = "attention where each query matches one key with a score of 262,144"
    assert_close(answer, value[:, place], what=what)
    for sign in (1, -1):
        same = torch.full((1, 6, 16), 1024.0)
        answer = attention(same, sign * same, value)
        mean = value.double().mean(dim=1, keepdim=True).expand(1, 6, 4)
        assert_close(answer, mean, what=f"attention where all scores are {sign * 4_194_304:,}")


@check(points=2, hint="fill the masked scores before the softmax, so that what remains still sums to 1")
def test_hides_what_the_mask_hides(attention, draw, sizes, rng, show):
    """A key that the mask hides might as well not be there"""
    batch, n, m, d, e = sizes(5)
    query, key, value = draw(batch, n, d), draw(batch, m, d), draw(batch, m, e)
    kept = torch.from_numpy(rng.permutation(m) < rng.integers(2, m))
    mask = kept.expand(n, m)
    without = expect_tensor(attention(query, key[:, kept], value[:, kept]), shape=(batch, n, e))
    assert_close(attention(query, key, value, mask), without, what="attention with hidden, not missing, keys")
    # With the identity for values, the answer is the matrix of weights.
    weights = expect_array(attention(query, key, torch.eye(m).expand(batch, m, m), mask), shape=(batch, n, m))
    enlarged = np.kron(weights[:1], np.ones((1, 8, 8)))
    show.images("Attention weights of one sequence", enlarged, caption=_LEGEND)
    if weights.min() < 0 or weights[..., ~kept.numpy()].any():
        wrong("With the identity for values, attention returns its weights: some are < 0 or on hidden keys.")
    assert_close(weights.sum(axis=-1), np.ones((batch, n)), what="the sum of one query's weights")


_LEGEND = "A row for each query, a column for each key; white is 1. Hidden keys are black columns."


@check(
    points=2,
    hint="-inf everywhere makes 0 / 0; a large negative number makes the mean: set those weights to 0",
)
def test_returns_zeros_where_nothing_may_be_seen(attention, draw, sizes, rng):
    """A query that may look nowhere gets zeros, and the others do not notice"""
    batch, n, m, d, e = sizes(5)
    query, key, value = draw(batch, n, d), draw(batch, m, d), draw(batch, m, e)
    mask = torch.from_numpy(rng.random((n, m)) < 0.5)
    mask[:, int(rng.integers(m))] = True
    blind = torch.from_numpy(rng.permutation(n) < 2)
    others = expect_tensor(attention(query[:, ~blind], key, value, mask[~blind]), shape=(batch, n - 2, e))
    if not others.any():
        wrong("attention returns zeros for queries that may look somewhere.")
    answer = expect_tensor(attention(query, key, value, mask & ~blind[:, None]), shape=(batch, n, e))
    zeros = torch.zeros(batch, 2, e)
    assert_close(answer[:, blind], zeros, atol=0, what="the rows whose mask is False everywhere")
    assert_close(answer[:, ~blind], others, what="the rows whose mask is not")


@check(
    points=1,
    needs=test_matches_the_definition,
    hint="no .float() inside, or back to the inputs' dtype at the end",
)
def test_keeps_the_dtype(attention, truth, draw, sizes):
    """float64 in, float64 out, with the digits of float64"""
    batch, n, m, d, e = sizes(5)
    query, key, value = (
        draw(batch, n, d).double(),
        draw(batch, m, d).double() / 3,
        draw(batch, m, e).double() / 7,
    )
    answer = attention(query, key, value)
    assert_close(
        answer, truth(query, key, value), rtol=1e-10, atol=1e-12, dtype="float64", what="attention in float64"
    )


@check(points=2, hint="torch.tril keeps the diagonal: a token sees itself")
def test_builds_a_causal_mask(causal_mask, sizes):
    """A causal mask is True on and below the diagonal"""
    for tokens in (1, 2, *sizes(2)):
        answer = expect_tensor(
            causal_mask(tokens), shape=(tokens, tokens), dtype="bool", what=f"causal_mask({tokens})"
        )
        if not np.array_equal(answer.numpy(), np.tri(tokens, dtype=bool)):
            wrong(f"causal_mask({tokens}): entry [i, j] has to be True where j <= i, and nowhere else.")


# ---- several heads ---------------------------------------------------------------------------


@check(
    points=3,
    hint="split the width into (heads, width / heads), then bring heads before tokens: a reshape alone mixes",
)
def test_multi_head_matches_torch(multi_head, draw, sizes):
    """Multi-head self-attention agrees with torch's own, given the same weights"""
    batch, tokens = sizes(2)
    x = draw(batch, tokens, multi_head.width)
    answer = multi_head.model(x, x, x)
    assert_close(answer, multi_head.truth(x, x, x), dtype="float32", what="MultiHeadAttention(…)(x, x, x)")


# ---- layer normalisation ---------------------------------------------------------------------


@check(points=2, hint="the variance divides by width, and eps is added to it under the root")
def test_layer_norm_matches_torch(layer_norm, draw, sizes):
    """layer_norm gives each token mean 0 and variance 1, then gain and bias"""
    batch, tokens, width = sizes(3)
    gain, bias = draw(width), draw(width)
    x = draw(batch, tokens, width)
    for what, given, more in (
        ("layer_norm(x, gain, bias)", x + draw(batch, tokens, 1), ()),
        ("layer_norm of numbers near 50", 50 * x, ()),
        ("layer_norm of numbers near 0.003, where eps counts", 0.003 * x, ()),
        ("layer_norm of vectors with equal entries", x[..., :1].expand(x.shape), ()),
        ("layer_norm(x, gain, bias, eps=0.5)", x, (0.5,)),
    ):
        want = torch.nn.functional.layer_norm(given.double(), (width,), gain.double(), bias.double(), *more)
        assert_close(
            layer_norm(given, gain, bias, *more), want, rtol=1e-3, atol=1e-3, dtype="float32", what=what
        )


# ---- positions -------------------------------------------------------------------------------


@check(points=2, hint="sines in the even columns, cosines in the odd ones; the exponent is 2i / width")
def test_positions_follow_the_formula(sinusoidal_positions, sizes):
    """Positions are pairs of sine and cosine whose wavelengths grow from 2π towards 10000 · 2π"""
    for tokens, pairs in (sizes(2), (400, 8)):
        width = 2 * pairs
        want = [[_position(token, column, width) for column in range(width)] for token in range(tokens)]
        what = f"sinusoidal_positions({tokens}, {width})"
        assert_close(sinusoidal_positions(tokens, width), want, atol=5e-4, dtype="float32", what=what)


def _position(token: int, column: int, width: int) -> float:
    angle = token / 10_000 ** ((column - column % 2) / width)
    return math.cos(angle) if column % 2 else math.sin(angle)
