"""What graders say with: every wrong answer gets words and never an exception of another kind."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import wire
from harness.failures import LearnerFailure
from harness.grading import (
    MARK,
    Rng,
    Wrong,
    assert_close,
    check,
    expect_array,
    expect_number,
    expect_tensor,
    expect_text,
    kind_of,
    metric,
    wrong,
)
from harness.proxy import Reference, Remote
from tests.test_wire import ARRAYS, VALUES


class Gone:
    """A session whose every question fails: nothing may be asked while an answer is judged."""

    starts = 1

    def require_alive(self, _start):
        raise LearnerFailure("lost", "asked")

    def drop(self, *_):
        pass


def remote(shown: str = "Model") -> Remote:
    return Remote(Reference(Gone(), wire.Handle(1, shown, callable=True)))


def said(call) -> tuple[str, str]:
    with pytest.raises(Wrong) as told:
        call()
    return told.value.reason, str(told.value)


# ---- arrays ----------------------------------------------------------------------------------

X = np.arange(6.0).reshape(2, 3)
NOT_ARRAYS = {
    "none": (None, "wrong-type", "None (is a return missing?)"),
    "text": ("1.0", "wrong-type", "a str of length 3"),
    "bytes": (b"1", "wrong-type", "a bytes of length 1"),
    "dict": ({"a": 1}, "wrong-type", "a dict of length 1"),
    "set": ({1, 2}, "wrong-type", "a set of length 2"),
    "object": (remote(), "wrong-type", "a <Model in the sandbox>"),
    "complex": (1j, "wrong-type", "a complex"),
    "complex-array": (X * 1j, "wrong-type", "a array of complex128 with shape (2, 3)"),
    "complex-tensor": (torch.ones(2) * 1j, "wrong-type", "a tensor of complex64 with shape (2,)"),
    "text-in-list": (["a", "b"], "wrong-type", "a list that is ragged or mixed"),
    "none-in-list": ([1.0, None], "wrong-type", "a list that is ragged or mixed"),
    "objects-in-list": ([remote(), remote()], "wrong-type", "a list that is ragged or mixed"),
    "ragged": ([[1], [2, 3]], "wrong-type", "a list that is ragged or mixed"),
    "ragged-tensors": ([torch.ones(1), torch.ones(2)], "wrong-type", "a list that is ragged or mixed"),
    "huge-integer": (10**400, "wrong-type", "a int"),
    "huge-integers": ([10**400, 1.0], "wrong-type", "a list of length 2"),
    "deep-list": (eval("[" * 70 + "1" + "]" * 70), "wrong-type", "a list"),
    "shape": (X.T, "wrong-shape", "expected shape (2, 3), got (3, 2)"),
    "one-axis-more": (X[None], "wrong-shape", "got (1, 2, 3)"),
    "scalar": (1.0, "wrong-shape", "got ()"),
    "empty": ([], "wrong-shape", "got (0,)"),
    "nan": (X * math.nan, "not-finite", "6 NaN and 0 infinite"),
    "infinite": (
        X / np.float64(0.5) + np.array([math.inf, 0, -math.inf]),
        "not-finite",
        "0 NaN and 4 infinite",
    ),
    "nan-tensor": (torch.full((2, 3), math.nan), "not-finite", "6 NaN"),
    "nan-bfloat16": (torch.full((2, 3), math.nan, dtype=torch.bfloat16), "not-finite", "6 NaN"),
}


@pytest.mark.parametrize(("value", "reason", "words"), NOT_ARRAYS.values(), ids=NOT_ARRAYS)
def test_what_is_not_the_wanted_array_is_said(value, reason, words):
    told = said(lambda: expect_array(value, shape=(2, 3), what="f(x)"))
    assert told[0] == reason
    assert told[1].startswith("f(x): ")
    assert words in told[1]


GOOD_ARRAYS = {
    "array": X,
    "float32": X.astype(np.float32),
    "integers": X.astype(np.uint8),
    "booleans": X > 2,
    "tensor": torch.tensor(X),
    "bfloat16": torch.tensor(X, dtype=torch.bfloat16),
    "half": torch.tensor(X, dtype=torch.float16),
    "list": X.tolist(),
    "tuple-of-rows": tuple(X),
    "list-of-tensors": [torch.tensor(row) for row in X],
    "list-of-bfloat16": [torch.tensor(row, dtype=torch.bfloat16) for row in X],
    "list-of-scalars": [[torch.tensor(v) for v in row] for row in X],
}


@pytest.mark.parametrize("value", GOOD_ARRAYS.values(), ids=GOOD_ARRAYS)
def test_arrays_tensors_and_lists_are_arrays(value):
    want = X > 2 if value is GOOD_ARRAYS["booleans"] else X
    assert np.array_equal(expect_array(value, shape=(2, 3)), want)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        (None, True),
        ((2, 3), True),
        ((None, 3), True),
        ((None, None), True),
        ((3, 2), False),
        ((2,), False),
        ((), False),
    ],
    ids=str,
)
def test_shapes_with_any_sizes(shape, fits):
    if fits:
        expect_array(X, shape=shape)
    else:
        assert said(lambda: expect_array(X, shape=shape))[0] == "wrong-shape"


DTYPES = {
    "one": (X, "float64", ""),
    "of-several": (X, ("float32", "float64"), ""),
    "tensor": (torch.ones(2), "float32", ""),
    "bfloat16": (torch.ones(2, dtype=torch.bfloat16), "bfloat16", ""),
    "wrong": (X, "float32", "expected dtype float32, got float64"),
    "wrong-of-several": (X, ("int32", "int64"), "expected dtype int32 or int64, got float64"),
    "tensor-wrong": (torch.ones(2), "float64", "expected dtype float64, got float32"),
    "list": ([1, 2], "float64", "got int64"),
}


@pytest.mark.parametrize(("value", "dtype", "words"), DTYPES.values(), ids=DTYPES)
def test_dtypes(value, dtype, words):
    if words:
        reason, text = said(lambda: expect_array(value, dtype=dtype))
        assert (reason, words in text) == ("wrong-dtype", True), text
    else:
        expect_array(value, dtype=dtype)


def test_a_tensor_stays_one():
    tensor = torch.ones(2, 3)
    assert expect_tensor(tensor, shape=(2, None), dtype="float32") is tensor
    assert (
        said(lambda: expect_tensor(X))[1]
        == "the answer: expected a tensor, got a array of float64 with shape (2, 3)."
    )
    assert said(lambda: expect_tensor(tensor, shape=(3, 2)))[0] == "wrong-shape"


# ---- numbers and texts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.array(2), np.array([[2.0]]), torch.tensor(2), torch.tensor([2.0], dtype=torch.bfloat16), [2]],
    ids=["int", "float", "array", "array-of-one", "tensor", "bfloat16", "list"],
)
def test_a_number(value):
    number = expect_number(value)
    assert (type(number), number) == (float, 2.0)


NOT_NUMBERS = {
    "none": (None, "wrong-type"),
    "text": ("2", "wrong-type"),
    "bool": (True, "wrong-type"),
    "bool-tensor": (torch.tensor(True), "wrong-type"),
    "nan": (math.nan, "not-finite"),
    "infinity": (-math.inf, "not-finite"),
    "two": ([1, 2], "wrong-shape"),
    "empty": (torch.zeros(0), "wrong-shape"),
    "huge": (10**400, "wrong-type"),
    "object": (remote(), "wrong-type"),
}


@pytest.mark.parametrize(("value", "reason"), NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_no_number(value, reason):
    assert said(lambda: expect_number(value))[0] == reason


def test_text():
    assert expect_text("abc") == "abc"
    assert said(lambda: expect_text(b"abc")) == (
        "wrong-type",
        "the answer: expected a string, got a bytes of length 3.",
    )


# ---- closeness -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(X, X), (X + 1e-6, X), (torch.tensor(X), X), (X, torch.tensor(X)), (1.0, 1), ([], []), (X > 2, X > 2)],
    ids=["same", "near", "tensor", "expected-tensor", "number", "empty", "booleans"],
)
def test_what_is_close_enough(value, expected):
    assert_close(value, expected)


NOT_CLOSE = {
    "one-of-six": (
        X + np.eye(2, 3) * [1, 0, 0],
        X,
        "17% of the values differ; the worst at (0, 0) is 1, expected 0.",
    ),
    "all": (X + 1, X, "100% of the values differ; the worst at (0, 0) is 1, expected 0."),
    "number": (1.5, 1.0, "100% of the values differ; the worst is 1.5, expected 1."),
    "below": (X - [2e-3, 0, 0], X, "33% of the values differ; the worst at (0, 0) is -0.002, expected 0."),
    "nan": (X * math.nan, X, "contains 6 NaN"),
    "shape": (X[0], X, "expected shape (2, 3), got (3,)"),
    "broadcastable": (np.ones(1), np.ones(3), "expected shape (3,), got (1,)"),
    "unsigned": (np.array([255], dtype=np.uint8), np.array([-1]), "is 255, expected -1"),
}


@pytest.mark.parametrize(("value", "expected", "words"), NOT_CLOSE.values(), ids=NOT_CLOSE)
def test_what_is_not_close_is_said_with_the_worst_place(value, expected, words):
    assert words in said(lambda: assert_close(value, expected))[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_tolerances_add_up(sign):
    assert_close(100 + sign * 0.0109, 100.0, rtol=1e-4, atol=1e-3)
    with pytest.raises(Wrong):
        assert_close(100 + sign * 0.0111, 100.0, rtol=1e-4, atol=1e-3)


# ---- whatever is answered --------------------------------------------------------------------

JUDGES = {
    "array": lambda value: expect_array(value, shape=(1, 2, 3, 4, 5), dtype="float32"),
    "tensor": lambda value: expect_tensor(value, shape=(1, 2, 3, 4, 5)),
    "number": lambda value: expect_number([value, value]),
    "text": lambda value: expect_text([value]),
    "close": lambda value: assert_close(value, np.full((1, 2, 3, 4, 5), 0.1234567)),
    "wrong": lambda value: wrong(f"got {kind_of(value)}"),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@settings(deadline=None, max_examples=60)
@given(value=VALUES | ARRAYS.map(lambda array: [array, 1]) | st.just(remote("\x1b\ud800")))
def test_no_answer_makes_a_grader_fall_over(judge, value):
    with pytest.raises(Wrong) as told:
        judge(value)
    assert told.value.reason in {"wrong-type", "wrong-shape", "wrong-dtype", "not-finite", "wrong-values"}
    assert len(str(told.value)) < 500


# ---- generators and marks --------------------------------------------------------------------


def test_a_generator_is_of_its_seed_and_its_check():
    def drawn(seed: bytes, name: str) -> tuple[float, ...]:
        rng = Rng.of(seed, name)
        return (*rng.normal(size=3), rng.seed())

    assert drawn(b"a", "one") == drawn(b"a", "one")
    assert len({drawn(b"a", "one"), drawn(b"b", "one"), drawn(b"a", "two"), drawn(b"", "one")}) == 4


def test_seeds_for_submissions_are_small_and_plain():
    seeds = [Rng.of(b"a", "one").seed()] + [Rng.of(bytes([i]), "one").seed() for i in range(200)]
    assert {type(seed) for seed in seeds} == {int}
    assert 0 <= min(seeds) <= max(seeds) < 1 << 31
    assert len(set(seeds)) > 195


def test_a_generator_keeps_giving_the_same_numbers():
    """A recorded seed has to replay for years: NumPy promises this stream for PCG64."""
    assert Rng.of(b"roadmark", "golden").integers(0, 1000, size=4).tolist() == [413, 20, 642, 208]


def test_marks_name_what_they_need():
    @check(points=1)
    def test_first():
        """First"""

    @metric(points=2, better="lower", unit="bits", needs=(test_first, "second"), hint="try")
    def test_third():
        """Third"""

    mark = getattr(test_third, MARK)
    assert mark.needs == ("first", "second")
    assert (mark.points, mark.better, mark.unit, mark.hint, mark.pass_share) == (
        2,
        "lower",
        "bits",
        "try",
        0.5,
    )
    assert getattr(test_first, MARK).better is None


def test_words_have_the_reason_that_was_given():
    with pytest.raises(Wrong, match=re.escape("too short")) as told:
        wrong("too short", reason="short")
    assert told.value.reason == "short"
