"""All that a grader imports: what marks a check, and assertions that speak to a learner.

A grader is an ordinary pytest file. Its functions carry `@check` or `@metric`, take the
fixtures `submission`, `rng`, `show` and the exercise's own, and say what they teach in
their docstring:

    @check(points=2)
    def test_matches_the_definition(submission, rng):
        \"\"\"attention(q, k, v) follows its definition on random input\"\"\"
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from harness.failures import LearnerFailure
from harness.proxy import Remote
from harness.records import Measurement

__all__ = [
    "LearnerFailure",
    "Measurement",
    "Rng",
    "Wrong",
    "assert_close",
    "check",
    "expect_array",
    "expect_number",
    "expect_tensor",
    "expect_text",
    "metric",
    "wrong",
]

Function = TypeVar("Function", bound=Callable[..., object])
MARK: Final = "roadmark_mark"
Needs = Callable[..., object] | str


class Wrong(AssertionError):
    """An answer is wrong.

    Attributes:
        reason: `wrong-type`, `wrong-shape`, `wrong-dtype`, `not-finite`, `wrong-values` or
            a grader's own word. A hidden check shows what the reason means and nothing else.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a decorator says of a check."""

    points: float
    needs: tuple[str, ...]
    hint: str
    better: Literal["lower", "higher"] | None = None
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    pass_share: float = 0.5


def check(
    *, points: float, needs: Needs | Sequence[Needs] = (), hint: str = ""
) -> Callable[[Function], Function]:
    """Mark a function as a check that earns all its points or none.

    Args:
        points: What it earns, > 0.
        needs: Checks that must have passed; otherwise it is skipped. Functions or names.
        hint: What to try next; learners see it when the check does not pass.
    """
    return _marker(Mark(points=points, needs=_names(needs), hint=hint))


def metric(
    *,
    points: float,
    better: Literal["lower", "higher"],
    unit: str,
    scale: Literal["linear", "log"] = "linear",
    pass_share: float = 0.5,
    needs: Needs | Sequence[Needs] = (),
    hint: str = "",
) -> Callable[[Function], Function]:
    """Mark a function as a metric: it returns a float or a `Measurement`, which becomes points.

    The values that earn nothing and everything stand in the exercise's calibration.json.

    Args:
        points: What the full mark earns, > 0.
        better: Which way is better.
        unit: What the number is, in words.
        scale: `log` for ratio scales (FID, excess bits, MSE): points follow log(value).
        pass_share: Share of the points, 0 to 1, from which the outcome is `passed`.
        needs: Checks that must have passed; otherwise it is skipped.
        hint: What to try next.
    """
    return _marker(
        Mark(
            points=points,
            needs=_names(needs),
            hint=hint,
            better=better,
            unit=unit,
            scale=scale,
            pass_share=pass_share,
        )
    )


def _marker(mark: Mark) -> Callable[[Function], Function]:
    def apply(function: Function) -> Function:
        setattr(function, MARK, mark)
        return function

    return apply


def _names(needs: Needs | Sequence[Needs]) -> tuple[str, ...]:
    several = needs if isinstance(needs, (list, tuple)) else (needs,) if needs else ()
    return tuple(check_name(one if isinstance(one, str) else one.__name__) for one in several)


def check_name(function: str) -> str:
    """Return a check's name: its function's, without `test_`."""
    return function.removeprefix("test_")


class Rng(np.random.Generator):
    """A NumPy generator for inputs; seeded by the run's secret and the check's name."""

    @classmethod
    def of(cls, seed: bytes, name: str) -> Rng:
        """Return the generator for one check of one run."""
        return cls(np.random.PCG64(int.from_bytes(hmac.digest(seed, name.encode(), "sha256")[:16])))

    def seed(self) -> int:
        """Draw a seed for a submission's function, in [0, 2**31)."""
        return int(self.integers(1 << 31))


# ---- assertions ----------------------------------------------------------------------------


def wrong(message: str, *, reason: str = "wrong-values") -> NoReturn:
    """Fail the check with words for the learner; raises `Wrong`."""
    raise Wrong(reason, message)


def expect_array(
    value: object,
    *,
    shape: Sequence[int | None] | None = None,
    dtype: str | Sequence[str] | None = None,
    what: str = "the answer",
) -> npt.NDArray[Any]:
    """Return an array or tensor as a finite NumPy array; raises `Wrong` otherwise.

    Args:
        value: What a submission answered.
        shape: Expected sizes; None stands for any.
        dtype: Expected dtype or dtypes, such as `float32`; by default any real number.
        what: How to call it in messages, such as `attention(q, k, v)`.
    """
    array = _as_array(value, what)
    _require_shape(array.shape, shape, what)
    dtype_name = str(getattr(value, "dtype", array.dtype)).removeprefix("torch.")
    _require_dtype(dtype_name, dtype, what)
    _require_finite(array, what)
    return array


def expect_tensor(
    value: object,
    *,
    shape: Sequence[int | None] | None = None,
    dtype: str | Sequence[str] | None = None,
    what: str = "the answer",
) -> Any:
    """Return a torch tensor that is finite and fits; raises `Wrong` otherwise."""
    import torch

    if not isinstance(value, torch.Tensor):
        wrong(f"{what}: expected a tensor, got {kind_of(value)}.", reason="wrong-type")
    expect_array(value, shape=shape, dtype=dtype, what=what)
    return value


def expect_number(value: object, *, what: str = "the answer") -> float:
    """Return a finite real number (a scalar array or tensor counts); raises `Wrong` otherwise."""
    array = _as_array(value, what)
    if array.size != 1:
        wrong(f"{what}: expected one number, got shape {_shape(array.shape)}.", reason="wrong-shape")
    if array.dtype.kind == "b":
        wrong(f"{what}: expected a number, got {kind_of(value)}.", reason="wrong-type")
    _require_finite(array, what)
    return float(array.reshape(()))


def expect_text(value: object, *, what: str = "the answer") -> str:
    """Return a string; raises `Wrong` otherwise."""
    if not isinstance(value, str):
        wrong(f"{what}: expected a string, got {kind_of(value)}.", reason="wrong-type")
    return value


def assert_close(
    value: object,
    expected: object,
    *,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    dtype: str | Sequence[str] | None = None,
    what: str = "the answer",
) -> None:
    """Require |value - expected| <= atol + rtol * |expected| everywhere; raises `Wrong`.

    Shapes must be equal and all values finite.
    """
    target = np.asarray(_plain(expected), dtype=np.float64)
    array = expect_array(value, shape=target.shape, dtype=dtype, what=what).astype(np.float64)
    error = np.abs(array - target)
    allowed = atol + rtol * np.abs(target)
    if not (error <= allowed).all():
        place = np.unravel_index(int(np.argmax(error - allowed)), target.shape)
        where = f" at {tuple(int(i) for i in place)}" if target.shape else ""
        share = float((error > allowed).mean())
        wrong(
            f"{what}: {share:.0%} of the values differ; the worst{where} is {array[place]:.6g}, "
            f"expected {target[place]:.6g}."
        )


def kind_of(value: object) -> str:
    """Return what a value is, in words for a learner: kind, dtype and shape, no content."""
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, Remote):
        return f"a {value!r}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        name = "tensor" if type(value).__module__.startswith("torch") else "array"
        return f"a {name} of {str(value.dtype).removeprefix('torch.')} with shape {_shape(value.shape)}"
    if isinstance(value, (str, bytes, list, tuple, dict, set)):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"a {type(value).__name__}"


def _plain(value: object) -> object:
    """Return a tensor as an array; anything else as it is."""
    if type(value).__module__.startswith("torch"):
        tensor: Any = value
        tensor = tensor.detach()
        return tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()
    return value


def _numbers(value: object) -> object:
    """Return nested lists with tensors as arrays; raises `TypeError` for what is not a number or an array.

    NumPy would look for a length and items in anything else, and an object that stayed
    inside answers such questions from the sandbox.
    """
    if isinstance(value, (list, tuple)):
        return [_numbers(item) for item in value]
    plain = _plain(value)
    if not isinstance(plain, (int, float, np.ndarray)):
        raise TypeError
    return plain


def _as_array(value: object, what: str) -> npt.NDArray[Any]:
    plain = _plain(value)
    if isinstance(plain, (list, tuple, int, float)):
        try:
            plain = np.asarray(_numbers(plain))
        except (ValueError, TypeError):
            kind = type(value).__name__
            wrong(f"{what}: expected an array, got a {kind} that is ragged or mixed.", reason="wrong-type")
    if not isinstance(plain, np.ndarray) or plain.dtype.kind not in "biuf":
        wrong(f"{what}: expected an array of real numbers, got {kind_of(value)}.", reason="wrong-type")
    return plain


def _require_shape(got: Sequence[int], want: Sequence[int | None] | None, what: str) -> None:
    if want is None:
        return
    fits = len(got) == len(want) and all(w is None or g == w for g, w in zip(got, want, strict=True))
    if not fits:
        wrong(f"{what}: expected shape {_shape(want)}, got {_shape(got)}.", reason="wrong-shape")


def _require_dtype(got: str, want: str | Sequence[str] | None, what: str) -> None:
    allowed = (want,) if isinstance(want, str) else want
    if allowed is not None and got not in allowed:
        wrong(f"{what}: expected dtype {' or '.join(allowed)}, got {got}.", reason="wrong-dtype")


def _require_finite(array: npt.NDArray[Any], what: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        nans, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        wrong(f"{what}: contains {nans} NaN and {infinite} infinite values.", reason="not-finite")


def _shape(sizes: Sequence[int | None]) -> str:
    inner = ", ".join("any" if size is None else str(size) for size in sizes)
    return f"({inner},)" if len(sizes) == 1 else f"({inner})"
