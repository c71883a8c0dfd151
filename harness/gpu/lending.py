"""One submission per GPU: locked for this process, looked at before and after, quarantined if it is not well.

What is quarantined stays so for the run and is named. Nothing here resets a GPU or ends a process
of others.
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol

from harness.errors import SandboxError
from harness.gpu.nvml import opened
from harness.records import Gpu

HELD_MB: Final = 1024
"""What may be taken of a GPU's memory before it is lent: a desktop takes so much, a model more."""
LEFT_MB: Final = 256
"""What may be taken beyond that after a lease; drivers keep a little."""
PATIENCE_SECONDS: Final = 10.0
"""How long a driver may take to free the memory of a container that was killed."""
LOOK_SECONDS: Final = 0.2


class Watch(Protocol):
    """Says how GPUs are; `nvml.Nvml` is one."""

    def free_mb(self, gpu: Gpu) -> tuple[int, str]:
        """Return the free memory in MiB, and why it is not known."""
        ...

    def fault(self, gpu: Gpu) -> str:
        """Return what is broken; empty if nothing is."""
        ...


class Lending:
    """Lends GPUs, of which each goes to one grading at a time.

    Args:
        gpus: What may be lent, locked for us.
        watch: Says how they are.
        say: Is told what the operator should know.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        gpus: Sequence[Gpu],
        watch: Watch,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quarantined: dict[Gpu, str] = {}
        """Which are lent no more in this run, and why."""
        self._watch, self._say, self._clock = watch, say, clock
        self._free = deque(gpus)
        self._lent: set[Gpu] = set()
        self._resting: dict[Gpu, float] = {}
        self._most: dict[Gpu, int] = {}
        self._next: Gpu | None = None
        self._looked = 0.0

    @property
    def idle(self) -> bool:
        """Whether none is lent, none will be free by waiting, and none is ready."""
        return not (self._free or self._lent or self._resting or self._next)

    def ready(self) -> bool:
        """Whether one can be lent now; it has been looked at."""
        self._let_rest()
        while self._next is None and self._free:
            gpu = self._free.popleft()
            trouble = self._watch.fault(gpu) or self._occupied(gpu)
            if trouble:
                self._quarantine(gpu, trouble)
            else:
                self._next = gpu
        return self._next is not None

    def take(self) -> Gpu:
        """Lend the one that has rested longest; raises `SandboxError` where none is ready."""
        if not self.ready() or self._next is None:
            raise SandboxError(f"no GPU can be lent: {self.why()}", hint="roadmark doctor --profile gpu")
        gpu, self._next = self._next, None
        self._lent.add(gpu)
        return gpu

    def give_back(self, gpu: Gpu) -> str:
        """Have one back; return what broke about it meanwhile, for which no submission is to blame."""
        self._lent.remove(gpu)
        fault = self._watch.fault(gpu)
        if fault:
            self._quarantine(gpu, fault)
            return f"{named(gpu)} broke while it was lent: {fault}"
        self._resting[gpu] = self._clock()
        self._looked = 0.0
        return ""

    def settle(self) -> None:
        """Wait until those that were given back are free or quarantined."""
        while self._resting:
            self._let_rest()
            if self._resting:
                time.sleep(LOOK_SECONDS)

    def why(self) -> str:
        """Return why none can be lent, in words."""
        told = [f"{named(gpu)}: {trouble}" for gpu, trouble in self.quarantined.items()]
        return "; ".join(told) or "all are lent"

    def _let_rest(self) -> None:
        """Take back into use what is free again; quarantine what stays occupied for too long."""
        now = self._clock()
        if not self._resting or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for gpu, since in list(self._resting.items()):
            trouble = self._occupied(gpu)
            if not trouble:
                del self._resting[gpu]
                self._free.append(gpu)
            elif now - since > PATIENCE_SECONDS:
                del self._resting[gpu]
                self._quarantine(gpu, f"{trouble} after a submission has ended")

    def _occupied(self, gpu: Gpu) -> str:
        """Return how much of a GPU's memory is taken, if it is too much, or why that is not known."""
        free, unknown = self._watch.free_mb(gpu)
        if unknown:
            return unknown
        taken = gpu.memory_mb - free
        most = self._most.setdefault(gpu, min(taken, HELD_MB) + LEFT_MB)
        return f"{taken:,} of its {gpu.memory_mb:,} MiB are taken" if taken > most else ""

    def _quarantine(self, gpu: Gpu, trouble: str) -> None:
        self.quarantined[gpu] = trouble
        self._say(f"{named(gpu)} is lent no more in this run: {trouble}")


@contextmanager
def lending(
    gpus: Sequence[Gpu], say: Callable[[str], None] = lambda _: None, *, most: int = sys.maxsize
) -> Iterator[Lending]:
    """Lend GPUs until the block ends, those that no other process of this user lends.

    Args:
        gpus: Which may be lent.
        say: Is told what the operator should know.
        most: How many are taken of them.

    Raises:
        NoDriver: NVML does not answer.
        SandboxError: all of them are lent by others.
    """
    with ExitStack() as stack:
        watch = stack.enter_context(opened())
        ours: list[Gpu] = []
        for gpu in gpus:
            if len(ours) < most and stack.enter_context(_locked(gpu)):
                ours.append(gpu)
            elif len(ours) < most:
                say(f"{named(gpu)} is lent by another command, and is left to it")
        if not ours:
            names = ", ".join(named(gpu) for gpu in gpus)
            raise SandboxError(f"{names}: lent by another command", hint="wait until it has ended")
        made = Lending(ours, watch, say)
        yield made
        made.settle()


@contextmanager
def one(gpus: Sequence[Gpu], say: Callable[[str], None] = lambda _: None) -> Iterator[Gpu]:
    """Lend one of some GPUs for one grading; raises `SandboxError` if it is not well, before or after."""
    with lending(gpus, say, most=1) as lent:
        gpu = lent.take()
        yield gpu
        broke = lent.give_back(gpu)
        if broke:
            raise SandboxError(broke, hint="grade again, on another GPU")


def named(gpu: Gpu) -> str:
    """Return a GPU in words: `cuda:0 (NVIDIA H200, GPU-8932f937)`."""
    return f"cuda:{gpu.index} ({gpu.name}, {gpu.uuid[:12]})"


@contextmanager
def _locked(gpu: Gpu) -> Iterator[bool]:
    """Lock a GPU for this process, or yield False where another has it; ends with the process."""
    with _lock_file(gpu).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # for the forks too, which have the same description open


def _lock_file(gpu: Gpu) -> Path:
    from platformdirs import user_cache_path

    name = "".join(sign if sign.isalnum() or sign == "-" else "_" for sign in gpu.uuid)
    folder = user_cache_path("roadmark", ensure_exists=True) / "gpus"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.lock"
