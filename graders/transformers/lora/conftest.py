"""What the checks share: the given network, the languages of this run, and the adapters, trained once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.metrics.language import log_softmax
from harness.proxy import Remote
from harness.sources.markov import MarkovChain, make_chain

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
State = dict[str, Any]
"""Tensors by name."""

SYMBOLS, PLACES, WIDTH, INNER = 16, 24, 48, 96
LETTERS: Final = "abcdefghijkl"
KNOWN: Final = 3
"""Languages that the network has learnt; their tags follow the letters, and the tag to learn comes last."""
FOLLOWED: Final = 0
"""The known language that the new one is like; the given network is about as far from it each time."""
ENTROPY: Final = 2.0
"""Bits per letter of every language."""
LINEAR: Final = ("query", "key", "value", "mix", "wide", "narrow", "head")
MOST_TRAINED: Final = 2_200
"""Numbers that adapters may hold, a tenth of the network's."""
MOST_RANK: Final = 4
STEPS: Final = 300
BATCH: Final = 32
TARGET_TEXTS: Final = 600
OLD_TEXTS: Final = 300
HELD_OUT_TEXTS: Final = 600
"""Of the target, and as many of the known languages together."""
TRAIN_SECONDS: Final = 240.0
"""A kill switch: the reference takes about 2 seconds on an idle core."""
SPREAD: Final = 0.3
LARGEST: Final = 1e6


# ---- the given network ---------------------------------------------------------------------


class Network(nn.Module):
    """The language model whose weights are given, as the README has it; the grader's own."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.mix = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.head = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return scores (n, time, 16) of the next symbol for tokens (n, time)."""
        time = tokens.shape[1]
        x = self.symbols(tokens) + self.places.weight[:time]
        normal = self.norm1(x)
        scores = self.query(normal) @ self.key(normal).transpose(1, 2) / math.sqrt(WIDTH)
        future = torch.ones(time, time, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1)
        x = x + self.mix(weights @ self.value(normal))
        x = x + self.narrow(functional.gelu(self.wide(self.norm2(x))))
        answer: torch.Tensor = self.head(self.norm3(x))
        return answer


def scores(state: Mapping[str, Any], tokens: Ints) -> Floats:
    """Return the scores (n, time, 16) that a plain network with these weights gives, float64."""
    network = Network().double()
    network.load_state_dict({name: value.double() for name, value in state.items()})
    with torch.inference_mode():
        answer: Floats = network(torch.from_numpy(tokens)).numpy()
    if not np.abs(answer).max() < LARGEST:  # also false for NaN
        wrong("A network with these weights gives scores beyond all bounds.")
    return answer


# ---- what was handed in --------------------------------------------------------------------


class Adapted:
    """A learner's network with adapters: its answers are validated."""

    def __init__(self, answer: object, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a network, got {kind_of(answer)}.", reason="wrong-type")
        self.remote, self.what = answer, what
        self.remote.eval()  # dropout, if there is any, is for training

    def __call__(self, tokens: Ints) -> Floats:
        """Return its scores (n, time, 16), float64."""
        answer = self.remote(torch.from_numpy(tokens))
        what = f"the scores of {self.what}"
        return expect_tensor(answer, shape=(*tokens.shape, SYMBOLS), what=what).double().numpy()

    def state(self) -> State:
        """Return all that `state_dict` holds."""
        return tensors(self.remote.state_dict(), f"state_dict() of {self.what}")

    def learning(self) -> State:
        """Return the gradient of something by each parameter that learns, by name."""
        tokens = torch.arange(4)[None]
        back = self.remote.vjp(tokens, cotangent=torch.ones(1, 4, SYMBOLS))
        return {name: slope for name, slope in back.parameters.items() if isinstance(name, str)}

    def set_adapters(self, adapters: State) -> None:
        """Load adapters, and nothing else."""
        self.remote.load_state_dict(adapters, strict=False)


def tensors(answer: object, what: str) -> State:
    """Return a dict of finite tensors by name; raises `Wrong` for anything else."""
    if not isinstance(answer, dict) or not all(isinstance(name, str) for name in answer):
        wrong(f"{what}: expected tensors by name, got {kind_of(answer)}.", reason="wrong-type")
    return {name: expect_tensor(value, what=f"{name} in {what}") for name, value in answer.items()}


def plain_state(answer: object, base: State, what: str) -> State:
    """Return a state that a plain Network can load, float64; raises `Wrong` for another one."""
    state = tensors(answer, what)
    if set(state) != set(base):
        wrong(f"{what} does not have just the names of a plain Network.")
    dtypes = ("float32", "float64")
    for name, value in base.items():
        expect_tensor(state[name], shape=value.shape, dtype=dtypes, what=f"{name} in {what}")
        if float(state[name].abs().max()) > LARGEST:
            wrong(f"{name} in {what} holds numbers beyond {LARGEST:,.0f}.")
    return {name: value.double() for name, value in state.items()}


def adapter_names(names: tuple[str, ...]) -> set[str]:
    """Return how the adapters of these layers are called in a state."""
    return {f"{name}.{part}" for name in names for part in ("down", "up")}


def drawn_adapters(names: tuple[str, ...], base: State, rank: int, rng: Rng) -> State:
    """Return adapters of some layers at random, float32."""
    state = {}
    for name in names:
        outputs, inputs = base[f"{name}.weight"].shape
        for part, shape in (("down", (rank, inputs)), ("up", (outputs, rank))):
            state[f"{name}.{part}"] = torch.from_numpy(SPREAD * rng.normal(size=shape)).float()
    return state


def changed(base: State, adapters: State, scale: float) -> State:
    """Return the plain state, float64, in which each weight has its adapter's product added."""
    state = {name: value.double() for name, value in base.items()}
    for name in {key.rpartition(".")[0] for key in adapters}:
        up, down = adapters[f"{name}.up"].double(), adapters[f"{name}.down"].double()
        state[f"{name}.weight"] = state[f"{name}.weight"] + scale * up @ down
    return state


@dataclass(frozen=True)
class Toolbox:
    """What the graders' files cannot import from here."""

    base: State
    """The given weights, float32."""

    linear = LINEAR
    most_trained = MOST_TRAINED
    most_rank = MOST_RANK
    adapted = Adapted
    tensors = staticmethod(tensors)
    plain_state = staticmethod(plain_state)
    adapter_names = staticmethod(adapter_names)
    drawn_adapters = staticmethod(drawn_adapters)
    changed = staticmethod(changed)
    scores = staticmethod(scores)


@pytest.fixture(scope="session")
def tools() -> Toolbox:
    """The given network, and how a learner's is asked."""
    return Toolbox(load_file(Path(__file__).parent / "base.safetensors"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def network(submission: Any, tools: Toolbox) -> Callable[..., Adapted]:
    """Makes the given network inside, with adapters of some layers, `down` and `up` as they begin."""

    def made(names: tuple[str, ...], rank: int, alpha: float) -> Adapted:
        plain = submission.Network()
        if not isinstance(plain, Remote):
            wrong(f"Network(): expected the given network, got {kind_of(plain)}.", reason="wrong-type")
        plain.load_state_dict(tools.base)
        return Adapted(submission.add_adapters(plain, list(names), rank, alpha), "add_adapters(...)")

    return made


# ---- the languages -------------------------------------------------------------------------


@dataclass(frozen=True)
class Language:
    """Texts of one language: a tag, then letters."""

    tag: int
    chain: MarkovChain

    def texts(self, count: int, seed: int) -> Ints:
        """Return (count, 24): the tag, and 23 letters."""
        letters = self.chain.sample_many(count, PLACES - 1, seed)
        return np.concatenate([np.full((count, 1), self.tag), letters], axis=1)

    def excess(self, state: State, texts: Ints) -> Floats:
        """Return (n,) bits per letter that a plain network spends beyond this language's own law.

        The law of each next letter is known, so its divergence from the prediction is exact.
        """
        law = self.chain.next_probs(texts[:, 1:])  # (n, 23, letters)
        told = log_softmax(scores(state, texts[:, :-1]))[..., : len(LETTERS)]
        divergence = (law * (np.log(law) - told)).sum(axis=-1) / np.log(2)
        return np.asarray(divergence.mean(axis=1), np.float64)


@dataclass(frozen=True)
class World:
    """The languages of this run, with texts to learn from and texts that never cross the wall."""

    known: tuple[Language, ...]
    new: Language
    target: Ints
    """(n, 24) of the new language, to learn from."""
    old: Ints
    """(m, 24) of the known ones, to rehearse."""
    held_out: tuple[Ints, ...]
    """Of each known language, and of the new one last."""

    def excess(self, state: State) -> tuple[Floats, Floats]:
        """Return the bits beyond the law of each held-out text: of the new language, of the known ones."""
        told = [one.excess(state, texts) for one, texts in zip(self.languages, self.held_out, strict=True)]
        return told[-1], np.concatenate(told[:-1])

    @property
    def languages(self) -> tuple[Language, ...]:
        """The known ones, and the new one last."""
        return (*self.known, self.new)


@pytest.fixture(scope="session")
def world(run_rng: Rng) -> World:
    """A new language: a known one in which three pairs of letters have changed places as what came before."""
    chains = [make_chain(seed=tag, order=1, alphabet=LETTERS, entropy=ENTROPY) for tag in range(KNOWN)]
    rows = np.arange(len(LETTERS))
    for one, other in run_rng.choice(len(LETTERS), size=(3, 2), replace=False):
        rows[[one, other]] = rows[[other, one]]
    known = tuple(Language(len(LETTERS) + tag, chain) for tag, chain in enumerate(chains))
    new = Language(len(LETTERS) + KNOWN, MarkovChain(chains[FOLLOWED].table[rows], LETTERS))
    old = [one.texts(OLD_TEXTS // KNOWN, run_rng.seed()) for one in known]
    held_out = [one.texts(HELD_OUT_TEXTS // KNOWN, run_rng.seed()) for one in known]
    return World(
        known=known,
        new=new,
        target=new.texts(TARGET_TEXTS, run_rng.seed()),
        old=run_rng.permutation(np.concatenate(old)),
        held_out=(*held_out, new.texts(HELD_OUT_TEXTS, run_rng.seed())),
    )


# ---- trained once --------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """What `train` gave back, and what the grader read from it."""

    model: Adapted
    losses: Floats
    """(steps,) nats."""
    state: State
    merged: State
    """What `merged_state` says."""

    @property
    def adapters(self) -> State:
        """Return what is called `down` or `up`."""
        return {name: value for name, value in self.state.items() if name.endswith((".down", ".up"))}


@pytest.fixture(scope="session")
def fit(submission: Any, tools: Toolbox) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(target: Ints, old: Ints, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        texts = (torch.from_numpy(rows.copy()) for rows in (target, old))
        answer = submitted.train(tools.base, *texts, steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"train(...): expected (model, losses), got {kind_of(answer)}.", reason="wrong-type")
        model = Adapted(answer[0], "the trained network")
        losses = expect_array(answer[1], shape=(steps,), what="the losses of train(...)")
        merged = plain_state(submission.merged_state(model.remote), tools.base, "merged_state(model)")
        return Trained(model, losses.astype(np.float64), model.state(), merged)

    return fitted


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], world: World, run_rng: Rng) -> Trained:
    """The adapters that several checks ask about, trained once."""
    return fit(world.target, world.old, steps=STEPS, batch=BATCH, seed=run_rng.seed())
