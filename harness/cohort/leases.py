"""GPUs of this machine, each lent to one grading at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from harness.records import Exercise


class Leases:
    """Lends devices, such as `cuda:0`; who has none waits, and hinders nobody who needs none."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._free = deque(devices)

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether an exercise's submission can be graded now."""
        return not needs_device(exercise) or bool(self._free)

    def take(self, exercise: Exercise) -> str:
        """Lend the device that has rested longest; empty for an exercise that needs none."""
        return self._free.popleft() if needs_device(exercise) else ""

    def give_back(self, device: str) -> None:
        """Have a device back."""
        if device:
            self._free.append(device)


def needs_device(exercise: Exercise) -> bool:
    """Whether an exercise cannot be graded without a GPU."""
    return exercise.device == "gpu"
