"""Everything about the quality of samples in one record, with the gates that no single number replaces.

Each number alone can be won without learning: copies win FID, the mean image wins precision, noise
tuned to the encoder wins the encoder's FID, outliers win recall. The panel reads them together and
each gate names what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, finite_array, matrix
from harness.metrics.copies import CopySearch, Pair, copies_in_disguise
from harness.metrics.distances import nearest
from harness.metrics.frechet import FeatureStatistics, relative_fid
from harness.metrics.kernel import standardised_kernel_distance
from harness.metrics.manifold import Manifold, precision_recall_density_coverage
from harness.metrics.memorisation import (
    CopyTest,
    authenticity_of,
    compared,
    more_often,
    nearest_ratio,
    unique_share,
)
from harness.metrics.twosample import nearest_neighbour_test

Encoder = Callable[[Floats], npt.ArrayLike]
"""Takes images (n, ...) and returns features (n, d); deterministic, in evaluation mode."""

LEAST_AUTHENTICITY: Final = 30.0
LEAST_COPY_Z: Final = -4.0
"""Of three tests; a perfect generator is below it once in ten thousand times, a copier far below."""
LEAST_UNIQUE: Final = 0.9
"""Of the share of unique images among as many held-out ones."""
LEAST_COVERAGE: Final = 0.5
MOST_PRIVATE_RATIO: Final = 3.0
MOST_SHARE_Z: Final = 4.0
"""Standard errors by which exact copies may exceed those among held-out images."""
LEAST_IMAGES: Final = 20
LEAST_SIDE: Final = 6
"""Pixels a side from which copies are searched for under flips, shifts and crops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition that quality points depend on."""

    name: str
    passed: bool
    evidence: str
    """What was measured and what was allowed, for people to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleQuality:
    """All that was measured about a set of samples; see `docs/metrics.md` for each."""

    n: int
    """Samples compared, as many as held-out images."""
    relative_fid: float
    relative_fid_floor: float
    """The same of training images against held-out ones: what chance alone reads at this n."""
    pixel_relative_fid: float
    private_relative_fid: float | None
    """In the features of the private encoder, if there is one."""
    private_ratio: float | None
    """Private over public relative FID, both at least their floor; about 1, large for tuned samples."""
    kernel_distance: float
    """KID of standardised features."""
    features: Manifold
    pixels: Manifold
    classifier_accuracy: float
    """Of the kNN two-sample test on pixels, 0.5 where it cannot tell."""
    authenticity: float
    """AuthPct on pixels, 0 to 100."""
    heldout_authenticity: float
    copying: CopyTest
    noisy_copying: CopyTest
    """Of the ratio to the next neighbours."""
    disguised_copying: CopyTest | None
    """Under flips, shifts and crops; None for data that is not images."""
    exact_copies: float
    heldout_exact_copies: float
    unique_share: float
    heldout_unique_share: float
    pairs: tuple[Pair, ...]
    """The samples that look most like training images."""
    notes: tuple[str, ...]
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate is open."""
        return all(gate.passed for gate in self.gates)


def sample_quality_panel(
    samples: npt.ArrayLike,
    train: npt.ArrayLike,
    heldout: npt.ArrayLike,
    encoder: Encoder,
    private_encoder: Encoder | None = None,
    *,
    seed: int = 0,
) -> SampleQuality:
    """Measure samples against held-out data and search the training data for them.

    Args:
        samples: (n, ...) on the data's grid, drawn by the grader; cut to the number of held-out images.
        train: (m, ...) what the generator was given, more than the samples.
        heldout: (l, ...) real data it never saw; cut to the number of samples. 500 or more are advised,
            and ten times the encoder's features.
        encoder: public feature space.
        private_encoder: another one, trained differently, that no learner has.
        seed: of the random choices; the run's own, so that nobody can place copies where nobody looks.
    """
    images = _checked(samples, train, heldout, seed)
    public = _encoded(encoder, images)
    private = _encoded(private_encoder, images) if private_encoder else None
    search = _search(images, seed)
    flat = images.flat()
    ours, theirs = nearest(flat.samples, flat.train), nearest(flat.heldout, flat.train)
    measured = SampleQuality(
        n=len(images.samples),
        relative_fid=public.distance,
        relative_fid_floor=public.floor,
        pixel_relative_fid=relative_fid(flat.samples, flat.heldout),
        private_relative_fid=private.distance if private else None,
        private_ratio=private.level / public.level if private else None,
        kernel_distance=standardised_kernel_distance(public.samples, public.heldout),
        features=precision_recall_density_coverage(public.samples, public.heldout),
        pixels=precision_recall_density_coverage(flat.samples, flat.heldout),
        classifier_accuracy=nearest_neighbour_test(flat.samples, flat.heldout, seed=seed).accuracy,
        authenticity=authenticity_of(ours, flat.train),
        heldout_authenticity=authenticity_of(theirs, flat.train),
        copying=compared(ours.distances[:, 0], theirs.distances[:, 0]),
        noisy_copying=nearest_ratio(flat.samples, flat.train, flat.heldout),
        disguised_copying=search.test if search else None,
        exact_copies=float(np.mean(ours.distances == 0)),
        heldout_exact_copies=float(np.mean(theirs.distances == 0)),
        unique_share=unique_share(flat.samples),
        heldout_unique_share=unique_share(flat.heldout),
        pairs=search.pairs if search else (),
        notes=tuple(side.note for side in (public, private) if side and side.note),
        gates=(),
    )
    return replace(measured, gates=tuple(_gates(measured)))


class _Images(NamedTuple):
    """Samples and held-out images in one number, and the training data."""

    samples: Floats
    train: Floats
    heldout: Floats

    def flat(self) -> _Images:
        """Return the same, a row per image."""
        return _Images(*(array.reshape(len(array), -1) for array in self))


class _Encoded(NamedTuple):
    """Features of both sides and how far apart they are."""

    samples: Floats
    heldout: Floats
    distance: float
    floor: float
    note: str

    @property
    def level(self) -> float:
        """Relative FID, as far as it can be told from chance."""
        return max(self.distance, self.floor)


def _checked(samples: npt.ArrayLike, train: npt.ArrayLike, heldout: npt.ArrayLike, seed: int) -> _Images:
    """Return the three sets with samples and held-out images cut, at random, to one number."""
    names = ("samples", "training data", "held-out data")
    made, known, real = (
        finite_array(array, name) for array, name in zip((samples, train, heldout), names, strict=True)
    )
    for array, name in ((made, names[0]), (known, names[1]), (real, names[2])):
        if array.ndim < 2 or array.shape[1:] != real.shape[1:]:
            raise ValueError(f"{name} have the wrong shape: {array.shape}, expected (n, {real.shape[1:]})")
        if len(array) < LEAST_IMAGES:
            raise ValueError(f"{name} are too few: {len(array)}, needed at least {LEAST_IMAGES}")
    rng = np.random.default_rng(seed)
    n = min(len(made), len(real))
    return _Images(made[rng.permutation(len(made))[:n]], known, real[rng.permutation(len(real))[:n]])


def _encoded(encoder: Encoder, images: _Images) -> _Encoded:
    n = len(images.samples)
    samples, heldout, train = (
        matrix(encoder(array), "features", least=n)
        for array in (images.samples, images.heldout, images.train[:n])
    )
    reference = FeatureStatistics(heldout)
    return _Encoded(
        samples=samples,
        heldout=heldout,
        distance=relative_fid(samples, reference),
        floor=relative_fid(train, reference),
        note=reference.rank_warning,
    )


def _search(images: _Images, seed: int) -> CopySearch | None:
    if images.samples.ndim < 3 or min(images.samples.shape[-2:]) < LEAST_SIDE:
        return None
    return copies_in_disguise(*images, seed=seed)


def _gates(seen: SampleQuality) -> Iterator[Gate]:
    yield _memorisation(seen)
    yield Gate(
        name="duplicates",
        passed=seen.unique_share >= LEAST_UNIQUE * seen.heldout_unique_share,
        evidence=f"{seen.unique_share:.1%} are unique, of held-out data {seen.heldout_unique_share:.1%}",
    )
    yield Gate(
        name="coverage",
        passed=seen.pixels.coverage >= LEAST_COVERAGE,
        evidence=f"pixel coverage {seen.pixels.coverage:.2f}, needed {LEAST_COVERAGE:g}",
    )
    if seen.private_ratio is not None:
        yield Gate(
            name="second encoder",
            passed=seen.private_ratio <= MOST_PRIVATE_RATIO,
            evidence=f"relative FID {seen.relative_fid:.3g} in the public encoder, "
            f"{seen.private_relative_fid:.3g} in a private one: "
            f"ratio {seen.private_ratio:.1f}, allowed {MOST_PRIVATE_RATIO:g}",
        )


def _memorisation(seen: SampleQuality) -> Gate:
    """Return the gate with every reason to suspect copies, or with the figures that clear it."""
    least = min(LEAST_AUTHENTICITY, seen.heldout_authenticity / 2)
    reasons = []
    if seen.authenticity < least:
        reasons.append(
            f"authenticity {seen.authenticity:.0f} %, held-out data {seen.heldout_authenticity:.0f} %"
        )
    for test, words in (
        (seen.copying, "nearer to training images than held-out data is"),
        (
            seen.disguised_copying,
            "nearer to flipped, shifted or cropped training images than held-out data is",
        ),
        (seen.noisy_copying, "each next to one training image, as noisy copies are"),
    ):
        if test is not None and test.z < LEAST_COPY_Z:
            reasons.append(f"{words} (z {test.z:.1f}, suspicious below {LEAST_COPY_Z:g})")
    if more_often(seen.exact_copies, seen.n, seen.heldout_exact_copies, seen.n) > MOST_SHARE_Z:
        reasons.append(
            f"{seen.exact_copies:.1%} equal a training image, held-out data {seen.heldout_exact_copies:.1%}"
        )
    clear = f"authenticity {seen.authenticity:.0f} %, distance to training data z {seen.copying.z:.1f}"
    return Gate(name="memorisation", passed=not reasons, evidence="; ".join(reasons) or clear)
