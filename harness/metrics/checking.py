"""What every metric refuses before it computes.

Values from a submission arrive as arrays or tensors and may hold anything. Each function here
returns a clean float64 or int64 array, or raises `ValueError` naming the argument and the fault.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MASS_TOLERANCE: Final = 1e-3
"""How far probabilities may be from 1 in sum; half-precision softmax needs this much."""


def finite_array(values: npt.ArrayLike, name: str, *, dimensions: int | None = None) -> Floats:
    """Return `values` as float64, refusing what is empty, not numeric, or not finite.

    Args:
        values: array, nested sequence or tensor (any device, any dtype of real numbers).
        name: the argument's name as the message shows it, in the plural.
        dimensions: the number of axes required; any number, 0 included, if not given.
    """
    return real_array(values, name, dimensions=dimensions).astype(np.float64, copy=False)


def real_array(values: npt.ArrayLike, name: str, *, dimensions: int | None = None) -> npt.NDArray[Any]:
    """Return `values` in their own dtype, checked like `finite_array`; large data is converted in parts."""
    array = _plain(values, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} are of type {array.dtype}, not real numbers")
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(f"{name} have the wrong shape: {array.shape}, expected {dimensions} dimension(s)")
    if array.size == 0:
        raise ValueError(f"{name} are empty: shape {array.shape}")
    _refuse_non_finite(array, name)
    return array


def matrix(values: npt.ArrayLike, name: str, *, least: int = 1) -> Floats:
    """Return (n, d) float64 with at least `least` rows; images and the like are flattened per row."""
    array = finite_array(values, name)
    if array.ndim < 2:
        raise ValueError(f"{name} have the wrong shape: {array.shape}, expected (n, features)")
    if len(array) < least:
        raise ValueError(f"{name} are too few: {len(array)}, needed at least {least}")
    return array.reshape(len(array), -1)


def matrices(
    a: npt.ArrayLike, b: npt.ArrayLike, names: tuple[str, str], *, least: int = 1
) -> tuple[Floats, Floats]:
    """Return two matrices of the same width."""
    first, second = matrix(a, names[0], least=least), matrix(b, names[1], least=least)
    if first.shape[1] != second.shape[1]:
        widths = f"{first.shape[1]} and {second.shape[1]} values each"
        raise ValueError(f"{names[0]} and {names[1]} have different shapes: {widths}")
    return first, second


def same_shape(a: npt.NDArray[Any], b: npt.NDArray[Any], names: tuple[str, str]) -> None:
    """Refuse two arrays that differ in shape."""
    if a.shape != b.shape:
        raise ValueError(f"{names[0]} and {names[1]} have different shapes: {a.shape} and {b.shape}")


def indices(values: npt.ArrayLike, name: str, *, below: int | None = None) -> Integers:
    """Return integers as int64, each 0 or more and, if `below` is given, less than that."""
    array = _plain(values, name)
    if array.dtype.kind not in "biu":
        raise ValueError(f"{name} are of type {array.dtype}, not integers")
    if array.size == 0:
        raise ValueError(f"{name} are empty: shape {array.shape}")
    low, high = array.min(), array.max()
    if low < 0 or (below is not None and high >= below):
        raise ValueError(f"{name} are out of range: {low} to {high}, allowed 0 to {(below or 2**63) - 1}")
    return array.astype(np.int64)


def probabilities(values: npt.ArrayLike, name: str) -> Floats:
    """Return rows (last axis) of probabilities, normalised exactly; rows that do not sum to 1 are refused."""
    array = finite_array(values, name)
    if array.ndim == 0 or array.min() < 0:
        raise ValueError(f"{name} are not probabilities: the smallest is {array.min():.4g}")
    mass = array.sum(axis=-1, keepdims=True)
    worst = mass.flat[np.abs(mass - 1).argmax()]
    if abs(worst - 1) > MASS_TOLERANCE:
        raise ValueError(f"{name} are not normalised: a row sums to {worst:.4g}, not 1")
    return np.asarray(array / mass, dtype=np.float64)


def _plain(values: Any, name: str) -> npt.NDArray[Any]:
    try:
        if hasattr(values, "detach"):  # a tensor; torch is not imported to find out
            values = values.detach().cpu()
            values = values.double() if values.is_floating_point() else values
            values = values.numpy()
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} are not one array of numbers") from None


def _refuse_non_finite(array: npt.NDArray[Any], name: str) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    fault = "NaN" if np.isnan(array).any() else "infinity"
    raise ValueError(f"{name} contain {fault}")
