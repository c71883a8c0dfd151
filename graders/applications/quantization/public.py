"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np

from harness.grading import assert_close, check, expect_array, expect_number, wrong

PAIR, TRIPLE = ("codes", "scale"), ("codes", "scale", "zero")
HALF = 0.5 + 1e-3
"""How far a code may be from the exact quotient: rounding may go either way at a half."""

# ---- integers and their scales ---------------------------------------------------------------


@check(points=3, hint="scale = largest magnitude / (2^(bits-1) - 1); round(values / scale), as int8")
def test_one_scale_for_all(own_code, parted, rng):
    """Symmetric codes: the largest magnitude has the largest code, and each value the nearest"""
    for bits in (8, 4, int(rng.integers(2, 8))):
        values = (rng.uniform(0.1, 50) * rng.normal(size=(7, 9))).astype(np.float32)
        codes, scale = parted(own_code.symmetric(values, bits), PAIR, "symmetric(values, bits)")
        truth = np.abs(values).max() / (2 ** (bits - 1) - 1)
        assert_close(expect_number(scale, what="the scale"), truth, what="the scale")
        numbers = expect_array(codes, shape=values.shape, dtype="int8", what="the codes")
        if np.abs(values / truth - numbers).max() > HALF:
            wrong(f"symmetric(values, {bits}): codes are not the nearest to values / scale.")


@check(points=4, needs=test_one_scale_for_all, hint="the maximum over all axes but this one, with keepdims")
def test_a_scale_for_each_channel(own_code, parted, rng):
    """Each channel along an axis has a scale of its own"""
    for axis in (0, 1, -1):
        size = np.exp(rng.normal(size=(4, 1, 1)) + rng.normal(size=(1, 5, 1)) + rng.normal(size=(1, 1, 6)))
        values = (size * rng.normal(size=(4, 5, 6))).astype(np.float32)
        others = tuple({0, 1, 2} - {axis % 3})
        truth = np.abs(values).max(axis=others, keepdims=True) / 127
        codes, scale = parted(own_code.symmetric(values, 8, axis), PAIR, "symmetric(values, 8, axis)")
        assert_close(scale, truth, dtype="float32", what=f"the scales along axis {axis}")
        numbers = expect_array(codes, shape=values.shape, dtype="int8", what="the codes")
        if np.abs(values / truth - numbers).max() > HALF:
            wrong("symmetric(values, 8, axis): codes are not the nearest to values / scale.")


@check(points=4, hint="low = min(least, 0), high = max(largest, 0); zero = round(-low / scale)")
def test_zero_has_a_code(own_code, parted, rng):
    """Asymmetric codes use the whole range, and 0 is one of them, exactly"""
    for bits, shift in ((8, 0.4), (4, -0.5), (int(rng.integers(3, 8)), 4.0), (5, -4.0)):
        values = (rng.uniform(0.5, 9) * (rng.uniform(-1, 1, size=(6, 11)) + shift)).astype(np.float32)
        low, high, top = min(values.min(), 0), max(values.max(), 0), 2**bits - 1
        codes, scale, zero = parted(own_code.asymmetric(values, bits), TRIPLE, "asymmetric(values, bits)")
        truth = (float(high) - float(low)) / top
        assert_close(expect_number(scale, what="the scale"), truth, what="the scale")
        place = expect_number(zero, what="the code of 0")
        if place != int(place) or not 0 <= place <= top or abs(place + float(low) / truth) > HALF:
            wrong("asymmetric(values, bits): the code of 0 is not the integer nearest to -low / scale.")
        numbers = expect_array(codes, shape=values.shape, dtype="uint8", what="the codes")
        exact = np.clip(values.astype(np.float64) / truth + place, 0, top)
        if np.abs(numbers - exact).max() > HALF:
            wrong(f"asymmetric(values, {bits}): codes are not the nearest to values / scale + zero.")


@check(points=3, hint="codes.astype(np.float32) before zero is taken away: uint8 knows no negative numbers")
def test_codes_become_numbers_again(own_code, rng):
    """Codes become float32 numbers: less the code of 0, times the scale"""
    codes, zero = rng.integers(0, 256, size=(5, 8)).astype(np.uint8), int(rng.integers(60, 200))
    scale = float(rng.uniform(0.01, 3))
    truth = scale * (codes.astype(np.float64) - zero)
    answer = own_code.restore(codes, scale, zero)
    assert_close(answer, truth, dtype="float32", what="restore(codes, scale, zero)")
    small = rng.integers(-127, 128, size=(3, 4)).astype(np.int8)
    scales = rng.uniform(0.01, 3, size=(3, 1)).astype(np.float32)
    assert_close(
        own_code.restore(small, scales), scales * small, dtype="float32", what="restore(codes, scales)"
    )


# ---- blocks of a file ------------------------------------------------------------------------


@check(points=4, hint="each 32 values: the scale as float16, then 32 bytes of signed codes")
def test_blocks_of_eight_bits(own_code, decode, plain, rng):
    """Plain floats and Q8_0: a reader finds the values again, to half a step of each block's scale"""
    for kind, shape in (("F32", (5, 7)), ("F16", (2, 3, 9))):
        values = rng.normal(size=shape).astype(np.float32)
        found = decode(own_code.encode(values, kind), kind, shape, f"encode(values, '{kind}')")
        assert_close(found, plain(values, kind), what=f"encode(values, '{kind}')")
    values = (np.exp(rng.normal(size=(6, 1))) * rng.normal(size=(6, 96))).astype(np.float32)
    found = decode(own_code.encode(values, "Q8_0"), "Q8_0", values.shape, "encode(values, 'Q8_0')")
    _require_near(found, values, plain(values, "Q8_0"), "Q8_0")


def _require_near(found, values, rounded, kind):
    """Require values that are about as near as plain rounding's, block by block."""
    errors, usual = (((one - values).reshape(-1, 32) ** 2).sum(axis=1) for one in (found, rounded))
    if (errors > 4 * usual).any() or (errors / usual).mean() > 1.1:
        wrong(f"encode(values, '{kind}'): the values that a reader finds are not the nearest that it can.")
