"""What both graders share: the module once its libraries are known, and laws to draw from by rejection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from harness.grading import Rng, expect_array, expect_number, kind_of, wrong
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]

ENTRY: Final = "probability.py"
CALLS: Final = 200
"""How often the density may be asked for one sample; the README says so."""
DRAWS: Final = 10_000
LAWS: Final = 3


@pytest.fixture(scope="session")
def handed_in(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy."""
    submission["marginal"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- laws to draw from -----------------------------------------------------------------------


@dataclass
class Law:
    """A few normal bumps and a plateau between two ends, times a factor that nobody is told."""

    low: float
    high: float
    shares: Floats
    """(bumps + 1,), the plateau's last; they sum to 1."""
    centres: Floats
    """(bumps,)."""
    widths: Floats
    """(bumps,)."""
    factor: float
    asked: list[Floats] = field(default_factory=list)
    """The points of each call of `density`."""

    def cdf(self, x: Floats) -> Floats:
        """Return the share of the law below each point, exactly."""
        bumps = self._below(x) - self._below(np.array([self.low]))
        whole = self._below(np.array([self.high])) - self._below(np.array([self.low]))
        plateau = (x - self.low) / (self.high - self.low)
        return np.asarray((bumps / whole) @ self.shares[:-1] + self.shares[-1] * plateau)

    def _below(self, x: Floats) -> Floats:
        return np.asarray(ndtr((x[:, None] - self.centres) / self.widths))  # (n, bumps)

    def values(self, x: Floats) -> Floats:
        """Return the density times the factor."""
        whole = self._below(np.array([self.high])) - self._below(np.array([self.low]))
        scaled = (x[:, None] - self.centres) / self.widths
        bumps = np.exp(-(scaled**2) / 2) / (np.sqrt(2 * np.pi) * self.widths * whole)
        inside = (x >= self.low) & (x <= self.high)
        return np.where(
            inside, self.factor * (bumps @ self.shares[:-1] + self.shares[-1] / (self.high - self.low)), 0
        )

    @property
    def bound(self) -> float:
        """A tenth more than the density reaches."""
        return float(1.1 * self.values(np.linspace(self.low, self.high, 4001)).max())

    @property
    def acceptance(self) -> float:
        """The share of evenly proposed points that rejection accepts."""
        return self.factor / (self.bound * (self.high - self.low))

    def density(self, points: Any) -> Floats:
        """Answer the submission, and remember what it asked."""
        x = expect_array(points, shape=(None,), what="the points given to density").astype(np.float64)
        self.asked.append(x)
        if len(self.asked) > CALLS:
            wrong(f"density was called more than {CALLS} times. Ask about many points at once.")
        return self.values(x)


def law_of(rng: Rng) -> Law:
    """Draw a law that is neither flat nor centred: a narrow bump left or right, and a wide one."""
    low = float(rng.uniform(-20, 20))
    length = float(rng.uniform(2, 8))
    places = np.array([rng.uniform(0.12, 0.25), rng.uniform(0.6, 0.85)])
    if rng.random() < 0.5:
        places = 1 - places
    return Law(
        low=low,
        high=low + length,
        shares=np.array([0.55, 0.35, 0.10]),
        centres=low + length * places,
        widths=length * np.array([rng.uniform(0.05, 0.08), rng.uniform(0.1, 0.15)]),
        factor=float(rng.uniform(0.2, 5)),
    )


def sampled(module: Any, law: Law, count: int, seed: int) -> Floats:
    """Return what the submission draws from a law: points within its ends at which it asked the density."""
    law.asked.clear()
    answer = module.sample_by_rejection(law.density, law.bound, law.low, law.high, count, seed)
    x = expect_array(answer, shape=(count,), what="sample_by_rejection(…)").astype(np.float64)
    if not law.asked:
        wrong("sample_by_rejection never asked for the density.")
    if not np.isin(x, np.concatenate(law.asked)).all():
        wrong("sample_by_rejection returned points at which it had not asked for the density.")
    if x.min() < law.low or x.max() > law.high:
        wrong("sample_by_rejection returned points outside of the law's ends.")
    return x


@dataclass(frozen=True)
class Sample:
    """What was drawn from one law."""

    law: Law
    x: Floats
    asked: Floats
    """Points at which the density was asked."""

    @property
    def ranks(self) -> Floats:
        """(n,), the law's own distribution function at each point: evenly spread if the draws are right."""
        return self.law.cdf(self.x)

    @property
    def distance(self) -> float:
        """Kolmogorov's distance between the draws and the law, times √n: about 0.87 for true draws."""
        return unevenness(self.ranks)

    @property
    def proposals(self) -> float:
        """The same between all points that were asked about and the uniform law."""
        return unevenness((self.asked - self.law.low) / (self.law.high - self.law.low))


def unevenness(ranks: Floats) -> float:
    """Return Kolmogorov's distance of numbers from the uniform law on (0, 1), times √n."""
    ranks, n = np.sort(ranks), len(ranks)
    steps = np.arange(n + 1) / n
    return max(float((steps[1:] - ranks).max()), float((ranks - steps[:-1]).max())) * n**0.5


@pytest.fixture(scope="session")
def samples(handed_in: Any, run_rng: Rng) -> list[Sample]:
    """Draws from several laws."""
    drawn = []
    for _ in range(LAWS):
        law = law_of(run_rng)
        x = sampled(handed_in, law, DRAWS, run_rng.seed())
        drawn.append(Sample(law, x, np.concatenate(law.asked)))
    return drawn


@pytest.fixture
def joint(rng: Rng) -> Floats:
    """A table of probabilities of four variables with different numbers of values."""
    shape = [int(size) for size in rng.permutation([2, 3, 4, 5])]
    table = rng.exponential(size=shape)
    return np.asarray(table / table.sum())


@pytest.fixture
def draw_law(rng: Rng) -> Callable[[], Law]:
    """Draws a law of this check's own."""
    return lambda: law_of(rng)


@pytest.fixture(scope="session")
def draw(handed_in: Any) -> Callable[[Law, int, int], Floats]:
    """Draws a number of points from a law with a seed."""
    return lambda law, count, seed: sampled(handed_in, law, count, seed)


@pytest.fixture(scope="session")
def require_most_likely() -> Callable[[object, Floats], None]:
    """Requires that shape and scale make values most likely."""
    return most_likely


def most_likely(answer: object, values: Floats) -> None:
    """Require that both derivatives of the log-likelihood vanish, as at its only maximum they do."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        wrong(f"fit_weibull(values): expected (shape, scale), got {kind_of(answer)}.", reason="wrong-type")
    shape, scale = (expect_number(part, what="shape or scale of fit_weibull") for part in answer)
    if not (shape > 0 and scale > 0):
        wrong("fit_weibull(values): shape and scale are above 0.")
    z = shape * (np.log(values) - np.log(scale))
    with np.errstate(over="ignore", invalid="ignore"):
        by_scale = np.exp(z).mean() - 1
        by_shape = 1 + z.mean() - (z * np.exp(z)).mean()
    if not max(abs(by_scale), abs(by_shape)) < 1e-4:
        wrong("fit_weibull(values): another shape or scale makes the values more likely.")
