"""What the checks share: networks behind the wall, this run's ring, and the pair that is trained once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.proxy import Remote

Floats = npt.NDArray[np.float64]

MODES: Final = 8
DEVIATION: Final = 0.07
"""Standard deviation of a mode, in radii of the ring."""
POINTS: Final = 10_000
STEPS: Final = 1_000
BATCH: Final = 128
SAMPLES: Final = 8_000
TRAIN_SECONDS: Final = 240.0
"""A kill switch: the reference takes about 5 seconds on an idle core."""
LARGEST: Final = 1e6


class Network:
    """A learner's generator or critic: its answers are validated, and come as float64 arrays."""

    def __init__(self, answer: object, outputs: tuple[int, ...], what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a network, got {kind_of(answer)}.", reason="wrong-type")
        self.remote, self.outputs, self.what = answer, outputs, what
        self.remote.eval()  # dropout and the like, if there is any, is for training

    def __call__(self, x: Floats, *, exact: bool = False) -> Floats:
        """Return what rows (n, 2) become, asked in float32, or float64 where the network is so."""
        given = torch.tensor(x) if exact else torch.tensor(x).float()
        answer = self.remote(given)
        shape = (len(x), *self.outputs)
        values = expect_tensor(
            answer, shape=shape, dtype=("float32", "float64"), what=f"what {self.what} gives"
        )
        if values.abs().max() > LARGEST:
            wrong(f"What {self.what} gives is as large as {float(values.abs().max()):.2g}.")
        return values.double().numpy()

    def weights(self) -> dict[str, torch.Tensor]:
        """Return its state by name, float64."""
        state = self.remote.state_dict()
        values = list(state.values()) if isinstance(state, dict) else []
        if not values or not all(isinstance(value, torch.Tensor) for value in values):
            wrong(f"state_dict() of {self.what}: expected tensors by name.", reason="wrong-type")
        for name, value in state.items():
            expect_array(value, what=f"{name} of {self.what}")
        return {name: value.double() for name, value in state.items()}


@dataclass(frozen=True)
class Ring:
    """Equal round Gaussians at equal angles on a circle."""

    centres: Floats
    """(modes, 2)."""
    radius: float
    deviation: float

    def sample(self, count: int, rng: Rng) -> Floats:
        """Return points (count, 2)."""
        return self.centres[rng.integers(len(self.centres), size=count)] + self.deviation * rng.normal(
            size=(count, 2)
        )


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    generator: Network
    critic: Network
    estimates: Floats
    """(steps,)."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def critic(submission: Any, rng: Rng) -> Network:
    """A critic in double precision whose weights the grader has moved, so that its slopes are far from 1."""
    built = Network(submission.Critic(), (), "the critic")
    built.remote.double()
    moved = {
        name: value + 0.2 * torch.tensor(rng.normal(size=tuple(value.shape)))
        for name, value in built.weights().items()
    }
    built.remote.load_state_dict(moved)
    return built


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(data: Floats, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        answer = submitted.train(torch.tensor(data).float(), steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            wrong(
                f"train(...): expected (generator, critic, estimates), got {kind_of(answer)}.",
                reason="wrong-type",
            )
        generator = Network(answer[0], (2,), "the trained generator")
        critic = Network(answer[1], (), "the trained critic")
        estimates = expect_array(answer[2], shape=(steps,), what="the estimates of train(...)")
        return Trained(generator, critic, estimates.astype(np.float64))

    return fitted


@pytest.fixture(scope="session")
def ring(run_rng: Rng) -> Ring:
    """This run's ring: its place, size and turn are drawn anew."""
    radius, turn = float(run_rng.uniform(1.5, 2.5)), run_rng.uniform(0, 2 * np.pi)
    angles = turn + 2 * np.pi * np.arange(MODES) / MODES
    place = run_rng.uniform(-0.7, 0.7, size=2)
    centres = place + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Ring(centres, radius, DEVIATION * radius)


@pytest.fixture(scope="session")
def data(ring: Ring, run_rng: Rng) -> Floats:
    """(n, 2) points to train on."""
    return ring.sample(POINTS, run_rng)


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], data: Floats, run_rng: Rng) -> Trained:
    """The generator and critic that several checks ask, trained once."""
    return fit(data, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@pytest.fixture(scope="session")
def noise(run_rng: Rng) -> Floats:
    """(n, 2) that the samples are made of; the grader draws it."""
    return run_rng.normal(size=(SAMPLES, 2))


@pytest.fixture(scope="session")
def samples(trained: Trained, noise: Floats) -> Floats:
    """(n, 2) of the trained generator."""
    return trained.generator(noise)
