"""What the driver knows of one node in its batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from harness.cluster.joining import Place
from harness.cohort.leases import needs_device
from harness.records import Exercise

SLOW: Final = 3.0
"""How many times as long as the others a node may take before it is named."""
ENOUGH: Final = 5
"""After how many submissions that is judged."""


@dataclass(slots=True, eq=False)
class Hand:
    """One node that grades for us."""

    place: Place
    actor: Any
    ready: bool = False
    """Whether it has entered, and its engine answers."""
    out_since: float | None = None
    """When its engine was found not to answer."""
    grading: int = 0
    gpus: int = 0
    """GPUs that Ray lends to it and no grading uses."""
    last: str = ""
    """The exercise that it was given last, whose container is warm there."""
    shares: list[float] = field(default_factory=list)
    """How long each grading took, as a share of the mean for its exercise."""
    named_slow: bool = False

    @property
    def free(self) -> int:
        """Return how many places are free."""
        return self.place.slots - self.grading if self.ready else 0

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether it can grade this now."""
        return self.free > 0 and (self.gpus > 0 or not needs_device(exercise))

    def fitness(self, exercise: Exercise) -> tuple[bool, float]:
        """Return how well it suits: what it did last is warm there; else who has most places free."""
        return self.last == exercise.id, self.free / self.place.slots


class Pace:
    """How long gradings take, by exercise, so that a slow node is told from a slow exercise."""

    def __init__(self) -> None:
        self._seconds: dict[str, tuple[float, int]] = {}

    def note(self, hand: Hand, exercise: str, seconds: float) -> str:
        """Count a grading, and return what is to be said of the node; mostly nothing."""
        total, count = self._seconds.get(exercise, (0.0, 0))
        if count:
            hand.shares.append(seconds * count / max(total, 1e-6))
        self._seconds[exercise] = total + seconds, count + 1
        if hand.named_slow or len(hand.shares) < ENOUGH:
            return ""
        share = sum(hand.shares) / len(hand.shares)
        if share < SLOW:
            return ""
        hand.named_slow = True
        return f"node {hand.place.name} is slow: it takes {share:.1f} times as long as is usual."
