"""What the checks share: a model behind the wall, the source of the text, and the model trained once."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.proxy import Remote
from harness.sources.hmm import HMM, make_hmm

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SYMBOLS: Final = 12
CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?-éßøλЖ中♫"
WIDTH: Final = 48
STEPS: Final = 600
BATCH: Final = 64
LENGTH: Final = 24
ADVANCE: Final = 0.97
"""How surely the source's hidden state goes on to the next: the higher, the more a long memory is worth."""
TRAINING_TEXTS: Final = 100
TRAINING_LENGTH: Final = 2_000
HELD_OUT_ROWS: Final = 8_000
TRAIN_SECONDS: Final = 240.0
"""A kill switch: the reference takes about 5 seconds on an idle core."""
LARGEST: Final = 1e6
SPREAD: Final = 0.3
"""Standard deviation of the weights that the grader draws; every part then matters."""
CLASSES: Final = frozenset(
    (
        *("RNN", "LSTM", "GRU", "RNNBase", "RNNCell", "LSTMCell", "GRUCell", "RNNCellBase"),
        *("clip_grad_norm_", "clip_grad_norm", "clip_grads_with_norm_", "get_total_norm"),
    )
)
FUNCTIONS: Final = frozenset(
    ("rnn_tanh", "rnn_relu", "lstm", "gru", "rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell")
)
"""Ready made if they are torch's; elsewhere these are fine names."""
CALLS: Final = frozenset(
    ("exec", "eval", "compile", "__import__", "getattr", "vars", "globals", "locals", "__builtins__")
)
HIDING: Final = frozenset(
    (
        *("importlib", "builtins", "attrgetter", "methodcaller"),
        *("__dict__", "__subclasses__", "__getattribute__", "__getattr__", "__builtins__"),
    )
)
"""What would hide the name of what is called: as functions, and as parts of a name."""


class Model:
    """A learner's CharRNN: its answers are validated, and come as float64 arrays."""

    def __init__(self, answer: object, symbols: int, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a CharRNN, got {kind_of(answer)}.", reason="wrong-type")
        self.symbols, self.remote = symbols, answer
        self.remote.eval()  # dropout, if there is any, is for training

    def logits(self, codes: Ints) -> Floats:
        """Return (batch, time, symbols) for codes (batch, time)."""
        return self._scores(self.remote(torch.tensor(codes)), codes, "the logits of a CharRNN")

    def read(self, codes: Ints, state: object) -> tuple[Floats, Any]:
        """Return logits (batch, time, symbols) and the state (batch, size) after codes (batch, time)."""
        answer = self.remote.read(torch.tensor(codes), state)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(
                f"read(codes, state): expected (logits, state), got {kind_of(answer)}.", reason="wrong-type"
            )
        what = "the state that read returns"
        after = expect_tensor(answer[1], shape=(len(codes), None), dtype=("float32", "float64"), what=what)
        return self._scores(answer[0], codes, "the logits that read returns"), after

    def _scores(self, answer: object, codes: Ints, what: str) -> Floats:
        shape = (*codes.shape, self.symbols)
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
            wrong("state_dict(): expected tensors by name. Is it an nn.Module?", reason="wrong-type")
        return dict(state)

    def gradients(self, codes: Ints, cotangent: Floats) -> dict[str, Any]:
        """Return the gradients of sum(logits * cotangent) by parameter; None where there is none."""
        given = self.remote.vjp(torch.tensor(codes), cotangent=torch.tensor(cotangent)).parameters
        if not given:
            wrong("CharRNN has no parameters that learn. Is it an nn.Module, and are its layers attributes?")
        for name, slope in given.items():
            if slope is not None:
                expect_tensor(slope, what=f"the gradient by {name}")
        return given

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the parameters that learn, float64 by name."""
        codes = np.zeros((1, 2), np.int64)
        names = self.gradients(codes, np.ones((*codes.shape, self.symbols)))
        state = self.state()
        if missing := [name for name in names if name not in state]:
            wrong(f"state_dict() of a CharRNN lacks the parameters {missing[:3]}.")
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
        moved = {
            name: value + SPREAD * torch.tensor(rng.normal(size=tuple(value.shape)))
            for name, value in self.weights().items()
        }
        self.load(moved)


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    model: Model
    losses: Floats
    """(steps,) nats."""


@pytest.fixture(scope="session")
def build(submission: Any) -> Callable[..., Model]:
    """Builds a CharRNN."""

    def built(symbols: int = 8, width: int = 16) -> Model:
        return Model(submission.CharRNN(symbols, width), symbols, "CharRNN(symbols, width)")

    return built


@pytest.fixture(scope="session")
def model(build: Callable[..., Model], run_rng: Rng) -> Model:
    """A small CharRNN over 8 symbols whose weights the grader drew."""
    built = build()
    built.randomise(run_rng)
    return built


@pytest.fixture(scope="session")
def generate(submission: Any) -> Callable[..., Ints]:
    """Calls the submission's `generate` and validates what it gives, (batch, length)."""

    def generated(model: Model, prompts: Ints, *, length: int, temperature: float, seed: int) -> Ints:
        answer = submission.generate(
            model.remote, torch.tensor(prompts), length=length, temperature=temperature, seed=seed
        )
        what = "generate(...)"
        codes = expect_tensor(answer, shape=(len(prompts), length), dtype="int64", what=what).numpy()
        if codes.min() < 0 or codes.max() >= model.symbols:
            wrong(f"{what}: codes must be from 0 to symbols - 1, got {codes.min()} to {codes.max()}.")
        return codes

    return generated


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` on a text and validates what it gives."""

    def fitted(text: str, *, width: int, steps: int, batch: int, length: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        answer = submitted.train(text, width=width, steps=steps, batch=batch, length=length, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"train(...): expected (model, losses), got {kind_of(answer)}.", reason="wrong-type")
        trained = Model(answer[0], len(set(text)), "the first value of train(...)")
        losses = expect_array(answer[1], shape=(steps,), what="the losses of train(...)")
        return Trained(model=trained, losses=losses.astype(np.float64))

    return fitted


# ---- the source, and the model that is trained on it ----------------------------------------


@pytest.fixture(scope="session")
def hmm(run_rng: Rng) -> HMM:
    """The source of this run's text."""
    return make_hmm(seed=run_rng.seed(), symbols=SYMBOLS, advance=ADVANCE)


@pytest.fixture(scope="session")
def alphabet(run_rng: Rng) -> str:
    """The characters of this run's text, sorted: the source's symbol i is the i-th of them."""
    return "".join(sorted(run_rng.choice(list(CHARACTERS), size=SYMBOLS, replace=False).tolist()))


@pytest.fixture(scope="session")
def training_codes(hmm: HMM, run_rng: Rng) -> Ints:
    """(length,) symbols of the text that the submission learns from: long texts, one after the other."""
    return hmm.sample(TRAINING_TEXTS, TRAINING_LENGTH, run_rng.seed()).ravel()


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], training_codes: Ints, alphabet: str, run_rng: Rng) -> Trained:
    """The model that several checks ask, trained once."""
    text = "".join(np.array(list(alphabet))[training_codes])
    return fit(text, width=WIDTH, steps=STEPS, batch=BATCH, length=LENGTH, seed=run_rng.seed())


@pytest.fixture(scope="session")
def held_out(hmm: HMM, run_rng: Rng) -> Ints:
    """(rows, LENGTH + 1) symbols of independent texts; the last of a row never crosses the wall."""
    return hmm.sample(HELD_OUT_ROWS, LENGTH + 1, run_rng.seed())


@pytest.fixture(scope="session")
def held_out_logits(trained: Trained, held_out: Ints, run_rng: Rng) -> Floats:
    """(rows, LENGTH, symbols) for all but the last symbol of each row, asked in batches of many sizes."""
    logits = np.empty((*held_out[:, 1:].shape, SYMBOLS))
    cuts = np.sort(run_rng.integers(1, HELD_OUT_ROWS, size=12))
    for rows in np.split(run_rng.permutation(HELD_OUT_ROWS), cuts):
        if len(rows):
            logits[rows] = trained.model.logits(held_out[rows, :-1])
    return logits


# ---- the policy ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ready_made(source: dict[str, str]) -> list[str]:
    """The places, `file, line n: name`, of ready-made cells and clipping, or of what would hide them."""
    return [
        f"{path}, line {getattr(node, 'lineno', 0)}: {name}"
        for path, text in source.items()
        for node, name in _offences(_parsed(path, text))
    ]


def _parsed(path: str, text: str) -> ast.Module:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError):
        encoding = "none"
    if not encoding.startswith("utf-8"):
        wrong(f"{path} cannot be read as Python in UTF-8.", reason="forbidden")
    return tree


def _offences(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes that name what is to be built, or what would hide it, and the name."""
    from_torch = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).partition(".")[0] == "torch"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self")):
                continue
            case ast.Attribute(attr=name):
                found = name in CLASSES | HIDING or (name in FUNCTIONS and _root(node) in from_torch)
                found = found or (name == "modules" and _root(node) == "sys")
            case ast.Name(id=name):
                found = name in CALLS
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                parts = [part for alias in aliases for part in alias.name.split(".")]
                parts += (getattr(node, "module", None) or "").split(".")
                forbidden = CLASSES | HIDING | {"*"}
                forbidden |= (
                    FUNCTIONS if from_torch & {alias.asname or alias.name for alias in aliases} else set()
                )
                name = next((part for part in parts if part in forbidden), "")
                found = bool(name)
            case _:
                continue
        if found:
            yield node, name


def _root(node: ast.expr) -> str:
    """Return the name with which a dotted name begins, or an empty text."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
