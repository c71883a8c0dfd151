"""Sprites: 12x12 grey pictures of one shape each, with every factor behind them known.

A sprite is one of six antialiased shapes at a continuous place, size, tilt and brightness
on black. Pixels are multiples of 1/16 in [0, 1], exact in float32, so "on the data's grid"
has one meaning. Coordinates are in pixels, (0, 0) at the centre of the top left pixel,
x to the right and y downward.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.sources import Floats, Ints, Seed

Images: TypeAlias = npt.NDArray[np.float32]

SIDE: Final = 12
"""Pixels along each side."""
LEVELS: Final = 17
"""Grey levels 0/16, 1/16 ... 16/16, as in scikit-learn's digits."""
SHAPES: Final = ("disc", "square", "triangle", "cross", "ring", "bar")
ROUND: Final = (0, 4)
"""Indices of the shapes on which no turn shows."""

RADIUS: Final = (2.0, 3.0)
CENTRE: Final = (3.0, 8.0)
BRIGHTNESS: Final = (0.4, 1.0)
TILT: Final = (-np.pi / 18, np.pi / 18)
_TOLERANCE: Final = 1e-6  # what float32 rounding may put outside [0, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What sprites show; every field is (n,) and all are independent but for `angle`."""

    shape: Ints
    """Index into SHAPES, uniform."""
    radius: Floats
    """Size in pixels, uniform in RADIUS; that of the disc, and of like area otherwise."""
    x: Floats
    """Column of the centre in pixels, uniform in CENTRE."""
    y: Floats
    """Row of the centre in pixels, uniform in CENTRE."""
    angle: Floats
    """Clockwise turn in radians, uniform in TILT; 0 for discs and rings."""
    brightness: Floats
    """Grey value inside the shape, uniform in BRIGHTNESS."""

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> Factors:
        return Factors(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprites:
    """Training and held-out sprites from one seed: independent draws from one distribution."""

    train: Images
    """(train, 12, 12) in [0, 1], multiples of 1/16."""
    heldout: Images
    """(heldout, 12, 12), likewise."""
    train_factors: Factors
    heldout_factors: Factors

    def on_grid(self, images: npt.ArrayLike, *, count: int | None = None) -> Images:
        """Return `quantise(images, count=count)`: what a metric should see of samples."""
        return quantise(images, count=count)


def make_sprites(*, train: int = 20_000, heldout: int = 4_000, seed: Seed) -> Sprites:
    """Draw sprites and their factors; 24,000 take well under a second."""
    factors = draw_factors(train + heldout, seed)
    images = render(factors)
    return Sprites(
        train=images[:train],
        heldout=images[train:],
        train_factors=factors[:train],
        heldout_factors=factors[train:],
    )


def draw_factors(count: int, seed: Seed) -> Factors:
    """Return the factors of `count` independent sprites."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(len(SHAPES), size=count)
    radius, x, y, brightness = (
        rng.uniform(*span, size=count) for span in (RADIUS, CENTRE, CENTRE, BRIGHTNESS)
    )
    angle = np.where(np.isin(shape, ROUND), 0, rng.uniform(*TILT, size=count))
    return Factors(shape=shape, radius=radius, x=x, y=y, angle=angle, brightness=brightness)


def render(factors: Factors, *, side: int = SIDE) -> Images:
    """Draw one picture for each row of `factors`.

    Returns:
        (n, side, side) float32 in [0, 1], multiples of 1/16. A pixel is `brightness` times
        its coverage, taken as linear in the distance from its centre to the outline.
    """
    pictures = np.empty((len(factors), side, side), np.float32)
    for index, distance in enumerate(_DISTANCES):
        rows = np.flatnonzero(factors.shape == index)
        some = factors[rows]
        inside = np.clip(0.5 - distance(*_own_axes(some, side), some.radius[:, None, None]), 0, 1)
        pictures[rows] = _snap(some.brightness[:, None, None] * inside)
    return pictures


def quantise(images: npt.ArrayLike, *, count: int | None = None) -> Images:
    """Snap pictures to the grid of the data, so that only what they show is compared.

    Args:
        images: (n, 12, 12) real numbers in [0, 1].
        count: how many there must be; any number where it is None.

    Returns:
        (n, 12, 12) float32, each value the nearest multiple of 1/16.

    Raises:
        ValueError: not an array of real numbers, another shape or count, not finite, out of range.
    """
    values = _as_reals(images)
    if values.shape[1:] != (SIDE, SIDE) or len(values) == 0 or count not in {None, len(values)}:
        expected = "n" if count is None else count
        raise ValueError(f"images have shape {values.shape}, not ({expected}, {SIDE}, {SIDE})")
    if not np.isfinite(values).all():
        broken = np.unique(np.argwhere(~np.isfinite(values))[:, 0])
        raise ValueError(f"{len(broken)} images hold NaN or infinity; the first is image {broken[0]}")
    if values.min() < -_TOLERANCE or values.max() > 1 + _TOLERANCE:
        raise ValueError(f"pixels range from {values.min():.4g} to {values.max():.4g}, not within [0, 1]")
    return _snap(np.clip(values, 0, 1))


def _as_reals(images: npt.ArrayLike) -> Floats:
    try:
        values = np.asarray(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"images are not an array: {error}") from error
    if values.dtype.kind not in "fiub":
        raise ValueError(f"images are {values.dtype}, not real numbers")
    return values.astype(np.float64)


def _snap(values: Floats) -> Images:
    snapped: Images = (np.rint(values * (LEVELS - 1)) / (LEVELS - 1)).astype(np.float32)
    return snapped


def _own_axes(factors: Factors, side: int) -> tuple[Floats, Floats]:
    """Return each pixel's coordinates (n, side, side) along the shape's own two axes."""
    pixel = np.arange(side, dtype=np.float64)
    right = pixel[None, None, :] - factors.x[:, None, None]  # (n, 1, side)
    down = pixel[None, :, None] - factors.y[:, None, None]  # (n, side, 1)
    cosine, sine = np.cos(factors.angle)[:, None, None], np.sin(factors.angle)[:, None, None]
    return cosine * right + sine * down, cosine * down - sine * right


# Signed distance in pixels to each outline, negative inside; exact along the edges, and near
# the corners as good as half a pixel needs. (Shapes after I. Quilez, "2D distance functions".)


def _disc(u: Floats, v: Floats, radius: Floats) -> Floats:
    distance: Floats = np.hypot(u, v) - radius
    return distance


def _square(u: Floats, v: Floats, radius: Floats) -> Floats:
    return _box(u, v, 0.89 * radius, 0.89 * radius)


def _triangle(u: Floats, v: Floats, radius: Floats) -> Floats:
    lower = 0.5 * v + np.sqrt(0.75) * np.abs(u)
    distance: Floats = np.maximum(lower, -v) - 0.72 * radius
    return distance


def _cross(u: Floats, v: Floats, radius: Floats) -> Floats:
    long, short = 1.2 * radius, 0.4 * radius
    return np.minimum(_box(u, v, long, short), _box(u, v, short, long))


def _ring(u: Floats, v: Floats, radius: Floats) -> Floats:
    distance: Floats = np.abs(_disc(u, v, 0.95 * radius)) - 0.3 * radius
    return distance


def _bar(u: Floats, v: Floats, radius: Floats) -> Floats:
    return _box(u, v, 1.4 * radius, 0.42 * radius)


def _box(u: Floats, v: Floats, half_width: Floats, half_height: Floats) -> Floats:
    distance: Floats = np.maximum(np.abs(u) - half_width, np.abs(v) - half_height)
    return distance


_DISTANCES: Final[tuple[Callable[[Floats, Floats, Floats], Floats], ...]] = (
    _disc,
    _square,
    _triangle,
    _cross,
    _ring,
    _bar,
)
