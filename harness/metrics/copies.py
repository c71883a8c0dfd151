"""Copies of training images under flips, shifts, crops and noise: the pairs, and whether there are too many.

Each image is compared with the training set as it is, flipped, turned, shifted by a pixel or two (flipped
as well or not) and enlarged from a crop. A copy stands out: its original is much nearer than the next images
(`memorisation.nearest_ratio`). Held-out images go through the same comparison, so a source that really
contains mirrored or shifted neighbours is not held against anyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, finite_array
from harness.metrics.distances import nearest
from harness.metrics.memorisation import NEIGHBOURS, CopyTest, compared, main_directions, ratios_to_next

SIDE: Final = 16
"""Larger images are averaged down to at most this many pixels a side: quick, and blind to pixel noise."""
CROPS: Final = (1, 2, 3)
"""Margins, in pixels of the reduced image, of crops that are enlarged again."""
LEAST_IN_VIEW: Final = 4
"""Pixels a side that a crop has to leave."""
SHIFTS: Final = {
    1: tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right),
    2: ((-2, 0), (2, 0), (0, -2), (0, 2)),
}
"""Pixels down and to the right, by the margin that they take out of view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A sample and the training image that it stands out as a copy of."""

    sample: int
    """Row of the samples."""
    train: int
    """Row of the training data."""
    how: str
    """What was done to the training image, such as `mirrored`."""
    ratio: float
    """Distance to it over the mean distance to the next four, 0 for a copy, at most 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySearch:
    """What was found by searching for training images in disguise."""

    test: CopyTest
    """Ratios of the samples against those of held-out images; z far below 0 says copies. The lower of two."""
    pairs: tuple[Pair, ...]
    """Most conspicuous first."""


def copies_in_disguise(
    samples: npt.ArrayLike,
    train: npt.ArrayLike,
    heldout: npt.ArrayLike,
    *,
    seed: int = 0,
    most: int = 250,
    shown: int = 16,
) -> CopySearch:
    """Search the training set for each sample under flips, turns, shifts and crops.

    Args:
        samples: (n, height, width) or (n, channels, height, width), sides at least 6.
        train: (m, ...) the same image shape.
        heldout: (l, ...) the same image shape, not trained on.
        seed: chooses which images are searched for, if there are more than `most`.
        most: images searched for, of each kind.
        shown: pairs returned.
    """
    ours, known, real = (
        _reduced(array, name)
        for array, name in ((samples, "samples"), (train, "training data"), (heldout, "held-out data"))
    )
    if not ours.shape[1:] == known.shape[1:] == real.shape[1:]:
        raise ValueError("samples, training and held-out data have different shapes")
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(ours))[:most])
    asked = np.concatenate([ours[chosen], real[np.sort(rng.permutation(len(real))[:most])]])
    searches = [
        _searched(_most_conspicuous(disguised, len(asked)), chosen, shown)
        for disguised in (_disguises(asked, known), _flipped_and_shifted(asked, known))
    ]
    return min(searches, key=lambda search: search.test.z)


def _searched(found: _Found, chosen: npt.NDArray[np.intp], shown: int) -> CopySearch:
    """Return what one search has found; the samples come first, then the held-out images."""
    count = len(chosen)
    order = np.argsort(found.ratios[:count], kind="stable")[:shown]
    pairs = tuple(
        Pair(
            sample=int(chosen[i]), train=int(found.owners[i]), how=found.how[i], ratio=float(found.ratios[i])
        )
        for i in order
    )
    return CopySearch(test=compared(found.ratios[:count], found.ratios[count:]), pairs=pairs)


class _Found(NamedTuple):
    ratios: Floats
    """(n,)"""
    owners: npt.NDArray[np.intp]
    """(n,) training rows."""
    how: list[str]
    """(n,) names of disguises."""


def _most_conspicuous(disguises: Iterable[tuple[str, Floats, Floats]], count: int) -> _Found:
    """Return for each of so many images the least ratio over some disguises, and where it was met."""
    best = _Found(np.full(count, np.inf), np.zeros(count, dtype=np.intp), [""] * count)
    for name, seen, known in disguises:
        found = nearest(seen, known, NEIGHBOURS)
        ratios = ratios_to_next(found)
        for i in np.flatnonzero(ratios < best.ratios):
            best.ratios[i], best.owners[i], best.how[i] = ratios[i], found.indices[i, 0], name
    return best


def _disguises(asked: Floats, train: Floats) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield a name, the images asked for and the training set in disguise, both on its main directions.

    A flip is undone on the few images that are asked for. A shift is compared on the pixels that remain
    in view whatever was filled in at the edge.
    """
    directions = main_directions(_flat(train))
    known = _flat(train) @ directions
    plain = _flat(asked) @ directions
    yield "as it is", plain, known
    for name, turned in _turns(asked):
        yield name, _flat(turned) @ directions, known
    for margin in (margin for margin in CROPS if min(train.shape[-2:]) - 2 * margin >= LEAST_IN_VIEW):
        yield f"cropped by {margin}", plain, _flat(_enlarged(train, margin)) @ directions
    yield from _shifted([("", asked)], train)


def _flipped_and_shifted(asked: Floats, train: Floats) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield both disguises at a time; searched apart, since the more is tried, the nearer chance comes."""
    yield from _shifted([(f" and {name}", flipped) for name, flipped in _flips(asked)], train)


def _shifted(asked: Sequence[tuple[str, Floats]], train: Floats) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield images and the training set shifted, on the main directions of what remains in view."""
    for margin, shifts in SHIFTS.items():
        inner = main_directions(_flat(_window(train, margin)))
        seen = [(how, _flat(_window(images, margin)) @ inner) for how, images in asked]
        for down, right in shifts:
            moved = _flat(_window(train, margin, down, right)) @ inner
            for how, rows in seen:
                yield f"shifted by ({down}, {right}){how}", rows, moved


def _turns(images: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield what undoes each flip and turn; quarter turns only of square images."""
    yield from _flips(images)
    if images.shape[-1] == images.shape[-2]:
        across = images.swapaxes(-1, -2)
        yield "mirrored at the diagonal", across
        yield "mirrored at the other diagonal", across[..., ::-1, ::-1]
        yield "turned to the left", across[..., ::-1]
        yield "turned to the right", across[..., ::-1, :]


def _flips(images: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield what undoes the flips that leave height and width as they are."""
    yield "mirrored", images[..., ::-1]
    yield "upside down", images[..., ::-1, :]
    yield "turned by half", images[..., ::-1, ::-1]


def _flat(images: Floats) -> Floats:
    return images.reshape(len(images), -1)


def _window(images: Floats, margin: int, down: int = 0, right: int = 0) -> Floats:
    """Return what the images show inside a margin, after a shift by no more than that margin."""
    height, width = images.shape[-2:]
    rows, columns = (
        slice(margin - down, height - margin - down),
        slice(margin - right, width - margin - right),
    )
    return images[..., rows, columns]


def _enlarged(images: Floats, margin: int) -> Floats:
    """Return the images without a margin, brought back to their size by linear interpolation."""
    height, width = images.shape[-2:]
    inner = images[..., margin : height - margin, margin : width - margin]
    return np.asarray(_stretch(height, margin) @ inner @ _stretch(width, margin).T, dtype=np.float64)


def _stretch(size: int, margin: int) -> Floats:
    """Return (size, size - 2 margin): rows that interpolate the shorter line at `size` points."""
    short = size - 2 * margin
    points = np.linspace(0, short - 1, size)
    return np.asarray(np.maximum(1 - np.abs(points[:, None] - np.arange(short)), 0), dtype=np.float64)


def _reduced(values: npt.ArrayLike, name: str) -> Floats:
    images = finite_array(values, name)
    if images.ndim not in {3, 4} or min(images.shape[-2:]) < 6 or len(images) < 2:
        raise ValueError(
            f"{name} have the wrong shape: {images.shape}, expected 2 images or more of 6 by 6 or more"
        )
    factor = -(-max(images.shape[-2:]) // SIDE)
    if factor == 1:
        return images
    height, width = (size // factor for size in images.shape[-2:])
    trimmed = images[..., : height * factor, : width * factor]
    return np.asarray(
        trimmed.reshape(*images.shape[:-2], height, factor, width, factor).mean(axis=(-3, -1)),
        dtype=np.float64,
    )
