"""What the checks of this exercise share: a model behind the wall, and the one that is trained once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.proxy import Remote
from harness.sources.markov import MarkovChain, make_chain

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Sizes = dict[str, int]

SMALL: Final = {"vocabulary": 8, "context": 12, "width": 16, "layers": 2, "heads": 2}
FULL: Final = {"vocabulary": 8, "context": 16, "width": 48, "layers": 2, "heads": 4}
STEPS: Final = 800
BATCH: Final = 32
TRAINING_TEXT: Final = 200_000
HELD_OUT_ROWS: Final = 6000
TRAIN_SECONDS: Final = 240.0
"""A kill switch: the reference takes about 4 seconds on two idle cores."""
LARGEST: Final = 1e6
SPREAD: Final = 0.2
"""Standard deviation of the weights that the grader draws; embeddings and layers then all matter."""


DRAWS: Final = 40
CHOOSY: Final = 0.5
"""Share of texts after which a symbol other than the first is most likely later; 9 in 10 models have it."""


class Model:
    """A learner's GPT: its answers are validated, and come as float64 arrays."""

    def __init__(self, answer: object, sizes: Sizes, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a GPT, got {kind_of(answer)}.", reason="wrong-type")
        self.sizes, self.remote = sizes, answer
        self.remote.eval()  # dropout, if there is any, is for training

    def logits(self, tokens: Ints) -> Floats:
        """Return (batch, time, vocabulary) for tokens (batch, time)."""
        answer = self.remote(torch.tensor(tokens))
        shape = (*tokens.shape, self.sizes["vocabulary"])
        what = "the logits of a GPT"
        logits = expect_tensor(answer, shape=shape, dtype=("float32", "float64"), what=what).double().numpy()
        if logits.min() >= 0 and np.allclose(logits.sum(axis=-1), 1, atol=1e-3):
            wrong(f"{what} are probabilities. Return the scores; loss and generate apply the softmax.")
        if np.abs(logits).max() > LARGEST:
            wrong(f"{what} are as large as {np.abs(logits).max():.2g}: no probabilities can follow.")
        return logits

    def state(self) -> dict[str, torch.Tensor]:
        """Return all that `state_dict` holds."""
        state = self.remote.state_dict()
        values = state.values() if isinstance(state, dict) else [None]
        if not all(isinstance(value, torch.Tensor) for value in values):
            wrong("state_dict() of a GPT: expected tensors by name. Is it an nn.Module?", reason="wrong-type")
        return dict(state)

    def gradients(self, tokens: Ints, cotangent: Floats) -> dict[str, Any]:
        """Return the gradients of sum(logits * cotangent) by parameter; None where there is none."""
        given = self.remote.vjp(torch.tensor(tokens), cotangent=torch.tensor(cotangent)).parameters
        if not given:
            wrong("GPT has no parameters that learn. Is it an nn.Module, and are its layers attributes?")
        for name, slope in given.items():
            if slope is not None:
                expect_tensor(slope, what=f"the gradient by {name}")
        return given

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the parameters that learn, float64 by name."""
        tokens = np.zeros((1, self.sizes["context"]), np.int64)
        names = self.gradients(tokens, np.ones((*tokens.shape, self.sizes["vocabulary"])))
        state = self.state()
        if missing := [name for name in names if name not in state]:
            wrong(f"state_dict() of a GPT lacks the parameters {missing[:3]}.")
        for name in names:
            expect_array(state[name], what=f"the parameter {name}")
        return {name: state[name].double() for name in names}

    def load(self, weights: dict[str, torch.Tensor]) -> None:
        """Set parameters; entries of the state that are the same weights under another name follow."""
        old, state = self.weights(), self.state()
        for key, value in state.items():
            twins = [
                name for name in old if value.is_floating_point() and torch.equal(old[name], value.double())
            ]
            if key in weights or (twins and key not in old):
                state[key] = weights[key if key in weights else twins[0]].to(value.dtype)
        self.remote.load_state_dict(state)

    def randomise(self, rng: Rng) -> None:
        """Move every parameter at random, so that nothing in the model is idle, whatever it started as."""
        moved = {name: value + _noise(value, rng) for name, value in self.weights().items()}
        self.load(moved)


def _noise(like: torch.Tensor, rng: Rng) -> torch.Tensor:
    return SPREAD * torch.tensor(rng.normal(size=tuple(like.shape)))


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    model: Model
    losses: Floats
    """(steps,) nats."""


@pytest.fixture(scope="session")
def build(submission: Any) -> Callable[..., Model]:
    """Builds a GPT of the given sizes; those not given are small."""

    def built(**sizes: int) -> Model:
        whole = SMALL | sizes
        return Model(submission.GPT(**whole), whole, "GPT(...)")

    return built


@pytest.fixture(scope="session")
def model(build: Callable[..., Model], run_rng: Rng) -> Model:
    """A small GPT whose weights the grader drew."""
    built = build()
    built.randomise(run_rng)
    return built


@pytest.fixture(scope="session")
def choosy(build: Callable[..., Model], run_rng: Rng) -> Model:
    """A small GPT whose weights were drawn until what is most likely depends on what came last.

    One drawn at random may prefer one symbol whatever it reads: what generation feeds it is then not seen.
    """
    for _ in range(DRAWS):
        built = build()
        built.randomise(run_rng)
        text = run_rng.integers(8, size=(60, 4))
        for _ in range(5):
            following = built.logits(text)[:, -1].argmax(axis=-1)
            text = np.concatenate([text, following[:, None]], axis=1)
        if (text[:, 4:] != text[:, 4:5]).any(axis=1).mean() > CHOOSY:
            break
    return built


@pytest.fixture(scope="session")
def generate(submission: Any) -> Callable[..., Ints]:
    """Calls the submission's `generate` and validates what it gives, (batch, length)."""

    def generated(model: Model, prompts: Ints, *, length: int, temperature: float, seed: int) -> Ints:
        answer = submission.generate(
            model.remote, torch.tensor(prompts), length=length, temperature=temperature, seed=seed
        )
        what = "generate(...)"
        symbols = expect_tensor(answer, shape=(len(prompts), length), dtype="int64", what=what).numpy()
        if symbols.min() < 0 or symbols.max() >= model.sizes["vocabulary"]:
            wrong(
                f"{what}: symbols must be from 0 to vocabulary - 1, got {symbols.min()} to {symbols.max()}."
            )
        return symbols

    return generated


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` on a text and validates what it gives."""

    def fitted(text: Ints, sizes: Sizes, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        answer = submitted.train(torch.tensor(text), **sizes, steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"train(...): expected (model, losses), got {kind_of(answer)}.", reason="wrong-type")
        trained = Model(answer[0], sizes, "the first value of train(...)")
        losses = expect_array(answer[1], shape=(steps,), what="the losses of train(...)")
        return Trained(model=trained, losses=losses.astype(np.float64))

    return fitted


@pytest.fixture(scope="session")
def chain(run_rng: Rng) -> MarkovChain:
    """The source of this run's text."""
    return make_chain(seed=run_rng.seed())


@pytest.fixture(scope="session")
def training_text(chain: MarkovChain, run_rng: Rng) -> Ints:
    """(length,) symbols: all that the submission learns of the source."""
    return chain.sample(TRAINING_TEXT, run_rng.seed())


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], training_text: Ints, run_rng: Rng) -> Trained:
    """The model that several checks ask, trained once."""
    return fit(training_text, FULL, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@pytest.fixture(scope="session")
def held_out(chain: MarkovChain, run_rng: Rng) -> Ints:
    """(rows, context + 1) symbols of independent texts; the last symbol of a row never crosses the wall."""
    return chain.sample_many(HELD_OUT_ROWS, FULL["context"] + 1, run_rng.seed())


@pytest.fixture(scope="session")
def held_out_logits(trained: Trained, held_out: Ints, run_rng: Rng) -> Floats:
    """(rows, context, vocabulary) for all but the last symbol of each row, asked in batches of many sizes."""
    logits = np.empty((*held_out[:, 1:].shape, FULL["vocabulary"]))
    cuts = run_rng.integers(100, 500, size=HELD_OUT_ROWS // 300).cumsum()
    for rows in np.split(run_rng.permutation(HELD_OUT_ROWS), cuts[cuts < HELD_OUT_ROWS]):
        logits[rows] = trained.model.logits(held_out[rows, :-1])
    return logits
