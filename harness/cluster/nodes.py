"""What is asked of nodes through Ray: their facts, and to enter a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from harness.cluster.facts import Facts, facts_of
from harness.cluster.hall import course_here
from harness.cluster.joining import ENGINE, Place, on
from harness.cluster.node import Node
from harness.errors import SandboxError
from harness.gpu.choosing import PROFILE

ASK_SECONDS: Final = 180.0
"""What the first answer of a node may take: it proves its sandbox."""

Question = Callable[[Place], Any]
"""Asks a node, and returns where Ray will put the answer."""


def question(
    ray: Any, root: str, profiles: Sequence[str], sandbox: Literal["docker", "process", "none"]
) -> Question:
    """Return what asks a node for its facts; busy ones answer too. Who has no GPU needs no image for one."""

    def ask(place: Place) -> Any:
        task = ray.remote(_facts).options(num_cpus=0, max_retries=0, scheduling_strategy=on(place.id))
        needed = tuple(one for one in profiles if one != PROFILE or place.gpus)
        return task.remote(place.name, root, needed, sandbox)

    return ask


def _facts(
    name: str, root: str, profiles: tuple[str, ...], sandbox: Literal["docker", "process", "none"]
) -> Facts:
    return facts_of(name, course_here(root), profiles, sandbox)


def answers(ray: Any, places: Iterable[Place], ask: Question, say: Callable[[str], None]) -> dict[str, Facts]:
    """Return what each node said, by its id; one that is lost meanwhile is named and left out.

    Raises:
        SandboxError: what runs there cannot answer, with the names of those nodes.
    """
    asked = [(place, ask(place)) for place in places]
    end = time.monotonic() + ASK_SECONDS
    found, unable = {}, []
    for place, reference in asked:
        try:
            found[place.id] = ray.get(reference, timeout=max(0.1, end - time.monotonic()))
        except ray.exceptions.RayTaskError as error:
            unable.append(f"{place.name}: {reason(error)}")
        except (ray.exceptions.RayError, TimeoutError) as error:
            say(f"Node {place.name} cannot be asked, and is left out for now: {reason(error)}")
    if unable:
        told = "\n  ".join(unable)
        raise SandboxError(f"not every node can grade:\n  {told}", hint="is roadmark installed there?")
    return found


def enter(ray: Any, place: Place, task: bytes, batch: str, *, gpus: int) -> Any:
    """Return a new actor on a node, with its places reserved; it waits while others have them."""
    actor = ray.remote(Node).options(
        name=f"{batch}/{place.id}",
        num_cpus=place.slots,
        num_gpus=gpus,
        resources={ENGINE: place.slots},
        scheduling_strategy=on(place.id),
        max_concurrency=place.slots + 4,
        max_restarts=0,
    )
    return actor.remote(task, batch)


def reason(error: BaseException) -> str:
    """Return in a line why Ray could not do something."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return (lines[-1] if "Traceback" in str(cause) else lines[0])[:300] if lines else type(error).__name__
