"""GPUs of this machine, each lent to one grading at a time; `harness.gpu.lending` looks after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.gpu.lending import Lending, lending
from harness.records import Exercise, Gpu


class Leases:
    """Lends GPUs to gradings; who has none waits, and hinders nobody who needs none.

    Where all are quarantined, who needs one may begin without, and is then refused in words.
    """

    def __init__(self, lent: Lending | None = None) -> None:
        self._lending = lent

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether an exercise's submission can be graded now."""
        if self._lending is None or not needs_device(exercise):
            return True
        return self._lending.ready() or self._lending.idle

    def take(self, exercise: Exercise) -> Gpu | None:
        """Lend the GPU that has rested longest; None for an exercise that needs none."""
        if self._lending is None or not needs_device(exercise) or self._lending.idle:
            return None
        return self._lending.take()

    def give_back(self, gpu: Gpu | None) -> str:
        """Have a GPU back; return what broke about it meanwhile, for which no submission is to blame."""
        return self._lending.give_back(gpu) if self._lending and gpu else ""


@contextmanager
def leases(gpus: Sequence[Gpu], say: Callable[[str], None] = lambda _: None) -> Iterator[Leases]:
    """Lend some GPUs until the block ends; raises `SandboxError` without a driver, or where all are lent.

    Args:
        gpus: Which; NVML is not asked where there is none.
        say: Is told which are quarantined, and why.
    """
    if not gpus:
        yield Leases()
        return
    with lending(gpus, say) as lent:
        yield Leases(lent)


def needs_device(exercise: Exercise) -> bool:
    """Whether a GPU has to be lent: the exercise needs one, or was resolved to run on one."""
    return exercise.device == "gpu"
