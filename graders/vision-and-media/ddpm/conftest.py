"""What the checks share: the truth by Bayes' rule, this run's sprites, and the network, trained once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.metrics.panel import Gate, SampleQuality, sample_quality_panel
from harness.proxy import Remote
from harness.sources.encoder import SpriteEncoder, load_encoder
from harness.sources.sprites import SIDE, Images, Sprites, make_sprites, quantise

Floats = npt.NDArray[np.float64]
Space = Callable[[Images], Floats]
"""Pictures (n, 12, 12) to features (n, 32)."""
Guess = Callable[[Floats, "Level"], Floats]
"""From x at a noise level to the mean of what it was before any noise."""

LEVELS: Final = 50
"""Noise levels of the sprites' schedule, and evaluations of the network for each sample."""
BETAS: Final = torch.linspace(0.002, 0.25, LEVELS)
STEPS: Final = 1_000
BATCH: Final = 64
TRAINING_SPRITES: Final = 10_000
HELD_OUT_SPRITES: Final = 1_000
PROBES: Final = 500
"""Further sprites, for questions about the network; they cross the wall, with noise, once it is trained."""
SAMPLES: Final = 1_000
KEPT: Final = 128
"""Questions of the reverse process, with their answers, that are asked again in another order."""
MOST_ASKED: Final = 200
"""How often a predictor that knows the data is asked in one walk; a level takes one question."""
FLOATS: Final = (torch.float32, torch.float64)
TRAIN_SECONDS: Final = 300.0
"""A kill switch: the reference takes about 3 seconds on an idle core."""
LARGEST: Final = 1e6


# ---- the truth, without the closed forms that are asked for --------------------------------


@dataclass(frozen=True)
class Level:
    """One noise level: what the steps up to it do to the start, each followed by the next."""

    beta: float
    share: float
    """What is left of the start, the root of alpha-bar."""
    variance: float
    """Of the noise in x."""
    before: tuple[float, float]
    """Share and variance one step earlier."""

    def posterior(self, start: Any, x: Any) -> tuple[Any, float]:
        """Return mean and variance of x one step earlier: Bayes' rule, with precisions that add up."""
        share, variance = self.before
        if variance == 0:
            return share * start, 0.0
        precision = 1 / variance + (1 - self.beta) / self.beta
        mean = (share / variance * start + math.sqrt(1 - self.beta) / self.beta * x) / precision
        return mean, 1 / precision


def levels(betas: npt.ArrayLike) -> list[Level]:
    """Return every level of a schedule: mean and variance are sent through one step after the other."""
    found, share, variance = [], 1.0, 0.0
    for beta in np.asarray(betas, np.float64):
        before = share, variance
        share, variance = share * math.sqrt(1 - beta), float((1 - beta) * variance + beta)
        found.append(Level(float(beta), share, variance, before))
    return found


def walked(guess: Guess, start: Floats, noises: Floats, schedule: list[Level]) -> Floats:
    """Return where the reverse process arrives, with a guess at the start in place of a noise predictor."""
    x = start
    for t in reversed(range(len(schedule))):
        mean, variance = schedule[t].posterior(guess(x, schedule[t]), x)
        x = mean + math.sqrt(variance) * noises[t]
    return x


class Oracle:
    """A noise predictor that knows the data; the submission calls it through the wall."""

    def __init__(self, guess: Guess, schedule: list[Level], shape: tuple[int, ...]) -> None:
        self.guess, self.schedule, self.shape = guess, schedule, shape
        self.asked: list[list[int]] = []
        """The levels of every question, a number for each row."""

    def predict(self, x: Any, t: Any) -> Any:
        """Return the expected noise in x (n, ...), whose rows are at levels t (n,)."""
        if len(self.asked) == MOST_ASKED:
            wrong(f"predict(x, t) is asked more than {MOST_ASKED} times.")
        rows = expect_tensor(x, shape=(None, *self.shape[1:]), what="x of predict(x, t)")
        times = expect_array(t, shape=(len(rows),), what="t of predict(x, t)")
        if len(rows) > self.shape[0] or times.dtype.kind not in "iu" or rows.dtype not in FLOATS:
            kinds = f"{len(rows)} rows of {rows.dtype} and t of {times.dtype}"
            wrong(f"predict(x, t) is asked with {kinds}, not {self.shape[0]} of float32 and int64.")
        if not ((times >= 0) & (times < len(self.schedule))).all():
            wrong(f"predict(x, t) is asked about levels outside of 0 to {len(self.schedule) - 1}.")
        self.asked.append([int(each) for each in times])
        values = rows.double().numpy()
        noise = np.empty_like(values)
        for each in np.unique(times):
            level, some = self.schedule[each], times == each
            left = values[some] - level.share * self.guess(values[some], level)
            noise[some] = left / math.sqrt(level.variance)
        return torch.from_numpy(noise).to(rows.dtype)


@dataclass(frozen=True)
class Problem:
    """A schedule, data whose noise can be told exactly, and the noise for one walk back."""

    betas: Any
    """(levels,) float32 tensor."""
    start: Any
    """(n, ...) float32 tensor: where the walk begins."""
    noises: Any
    """(levels, n, ...) float32 tensor."""
    oracle: Oracle

    def arrival(self) -> Floats:
        """Return where the walk ends, (n, ...)."""
        oracle, start, noises = self.oracle, self.start.double().numpy(), self.noises.double().numpy()
        return walked(oracle.guess, start, noises, oracle.schedule)


@pytest.fixture
def gaussian(rng: Rng) -> Callable[..., Problem]:
    """Makes problems whose data are rows (n, width) of a correlated Gaussian, beyond [-1, 1]."""

    def made(count: int, width: int, steps: int) -> Problem:
        mean, factor = 2 * rng.normal(size=width), rng.normal(size=(width, width + 2))
        covariance = factor @ factor.T / width

        def guess(x: Floats, level: Level) -> Floats:
            around = level.share**2 * covariance + level.variance * np.eye(width)
            gain = np.linalg.solve(around, level.share * covariance)  # (width, width)
            expected: Floats = mean + (x - level.share * mean) @ gain
            return expected

        return _problem(rng, guess, (count, width), steps)

    return made


@pytest.fixture
def mixture(rng: Rng) -> Callable[..., Problem]:
    """Makes problems whose data are a few pictures (side, side), each with a little noise of its own."""

    def made(count: int, side: int, steps: int) -> Problem:
        centres, spread = rng.uniform(-3, 3, size=(4, side, side)), 0.2

        def guess(x: Floats, level: Level) -> Floats:
            variance = level.share**2 * spread**2 + level.variance
            away = x[:, None] - level.share * centres  # (n, 4, side, side)
            shares = softmax(-(away**2).sum(axis=(2, 3)) / (2 * variance), axis=1)[..., None, None]
            each = centres + level.share * spread**2 / variance * away
            expected: Floats = (shares * each).sum(axis=1)
            return expected

        return _problem(rng, guess, (count, side, side), steps)

    return made


def _problem(rng: Rng, guess: Guess, shape: tuple[int, ...], steps: int) -> Problem:
    betas = schedule(rng, steps)
    start, noises = (torch.from_numpy(rng.normal(size=size)).float() for size in (shape, (steps, *shape)))
    return Problem(betas, start, noises, Oracle(guess, levels(betas), shape))


def schedule(rng: Rng, steps: int) -> Any:
    """Return betas (steps,), float32, in no order: nothing may depend on their growing."""
    return torch.from_numpy(rng.uniform(0.03, 0.3, size=steps)).float()


# ---- what was handed in --------------------------------------------------------------------


class Network:
    """A learner's denoiser: its answers are validated."""

    def __init__(self, answer: object, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a network, got {kind_of(answer)}.", reason="wrong-type")
        self.remote, self.what = answer, what
        self.remote.eval()  # dropout, if there is any, is for training

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the noise predicted in pictures x (n, 12, 12) at levels t (n,), float32."""
        answer = self.remote(x, t)
        what = f"what {self.what} predicts"
        dtypes = ("float32", "float64")
        noise = expect_tensor(answer, shape=(len(x), SIDE, SIDE), dtype=dtypes, what=what).float()
        if noise.abs().max() > LARGEST:
            wrong(f"What {self.what} predicts is as large as {float(noise.abs().max()):.2g}.")
        return noise


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    network: Network
    losses: Floats
    """(steps,) of each step's noise prediction."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(images: Images, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        pictures = torch.from_numpy(images.copy())
        answer = submitted.train(pictures, BETAS, steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"train(...): expected (model, losses), got {kind_of(answer)}.", reason="wrong-type")
        network = Network(answer[0], "the trained network")
        losses = expect_array(answer[1], shape=(steps,), what="the losses of train(...)")
        return Trained(network, losses.astype(np.float64))

    return fitted


def gate(quality: SampleQuality, name: str) -> Gate:
    """Return one gate of the panel."""
    return next(one for one in quality.gates if one.name == name)


@dataclass(frozen=True)
class Toolbox:
    """What the graders' files cannot import from here."""

    betas: Any
    """(50,) the sprites' schedule."""

    levels = staticmethod(levels)
    schedule = staticmethod(schedule)
    gate = staticmethod(gate)
    network = Network


@pytest.fixture(scope="session")
def tools() -> Toolbox:
    """The truth, and how a learner's network is asked."""
    return Toolbox(BETAS)


# ---- trained once --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sprites(run_rng: Rng) -> Sprites:
    """This run's sprites: those to train on, and those that were held out."""
    return make_sprites(train=TRAINING_SPRITES, heldout=HELD_OUT_SPRITES + PROBES, seed=run_rng.seed())


@pytest.fixture(scope="session")
def unseen(sprites: Sprites) -> Images:
    """(n, 12, 12) sprites that never cross the wall: what samples are compared with."""
    return sprites.heldout[:HELD_OUT_SPRITES]


@pytest.fixture(scope="session")
def probes(sprites: Sprites) -> Images:
    """(n, 12, 12) sprites that were not trained on, and that no sample is compared with."""
    return sprites.heldout[HELD_OUT_SPRITES:]


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], sprites: Sprites, run_rng: Rng) -> Trained:
    """The network that several checks ask, trained once."""
    return fit(sprites.train, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@dataclass(frozen=True)
class Walk:
    """The reverse process, run by the grader with the submission's network."""

    samples: Images
    """(n, 12, 12) on the grid of the data."""
    stages: Floats
    """(stages, 12, 12, 12): a dozen samples on their way, in [0, 1]."""
    x: torch.Tensor
    """(kept, 12, 12): some of what the network was asked."""
    t: torch.Tensor
    """(kept,)"""
    noise: torch.Tensor
    """(kept, 12, 12): what it answered."""


@pytest.fixture(scope="session")
def walk(trained: Trained, run_rng: Rng) -> Walk:
    """Samples: noise, from which the network's predictions are taken away, one evaluation a level."""
    x = torch.from_numpy(run_rng.normal(size=(SAMPLES, SIDE, SIDE))).float()
    schedule, kept, stages = levels(BETAS), [], []
    for t in reversed(range(LEVELS)):
        level, times = schedule[t], torch.full((SAMPLES,), t)
        noise = trained.network(x, times)
        rows = torch.from_numpy(run_rng.choice(SAMPLES, size=3, replace=False))
        kept.append((x[rows], times[rows], noise[rows]))
        if t % 7 == 0:
            stages.append(x[:12])
        start = (x - math.sqrt(level.variance) * noise) / level.share
        mean, variance = level.posterior(start, x)
        x = mean + math.sqrt(variance) * torch.from_numpy(run_rng.normal(size=x.shape)).float()
    stages.append(x[:12])
    order = torch.from_numpy(run_rng.permutation(3 * LEVELS)[:KEPT])
    asked = [torch.cat(part)[order] for part in zip(*kept, strict=True)]
    samples = quantise(((x + 1) / 2).clamp(0, 1).numpy(), count=SAMPLES)
    return Walk(samples, ((torch.stack(stages) + 1) / 2).clamp(0, 1).double().numpy(), *asked)


@pytest.fixture(scope="session")
def samples(walk: Walk) -> Images:
    """(n, 12, 12) that the reverse process arrived at, on the grid of the data."""
    return walk.samples


@pytest.fixture(scope="session")
def quality(
    samples: Images, sprites: Sprites, unseen: Images, spaces: tuple[Space, ...], run_rng: Rng
) -> SampleQuality:
    """All that is measured about the samples."""
    return sample_quality_panel(samples, sprites.train, unseen, *spaces, seed=run_rng.seed())


@cache
def encoder(name: str) -> SpriteEncoder:
    """Return a feature space for sprites, read once."""
    return load_encoder(name)


@pytest.fixture(scope="session")
def spaces() -> tuple[Space, ...]:
    """Both feature spaces."""
    return encoder("sprite").features, encoder("sprite-private").features


@pytest.fixture(scope="session")
def spaces_digest() -> str:
    """Which weights the features were taken with."""
    return " ".join(encoder(name).digest for name in ("sprite", "sprite-private"))
