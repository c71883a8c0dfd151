"""Where a page of the site lies: names that learners chose never become a path."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

ROADMAP: Final = "index.html"
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page of the site, relative to the page it stands on."""

    words: str
    address: str


def learner_slug(learner: str) -> str:
    """Return a file name for a learner: readable, the same in every run, and nobody else's."""
    words = _OTHER.sub("-", learner.lower()[:200]).strip("-")[:40].strip("-")
    digest = hashlib.sha256(learner.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{words}-{digest}" if words else digest


def exercise_slug(exercise: str) -> str:
    """Return a file name for an exercise: its id with a dot between stage and name."""
    parts = exercise.split("/")
    plain = len(parts) == 2 and all(_PLAIN.fullmatch(part) for part in parts)
    return ".".join(parts) if plain else learner_slug(exercise)


def learner_address(learner: str) -> str:
    """Return where the roadmap of one learner lies."""
    return f"learners/{learner_slug(learner)}.html"


def result_address(exercise: str, learner: str) -> str:
    """Return where the page of one learner's latest attempt lies."""
    return f"results/{exercise_slug(exercise)}/{learner_slug(learner)}.html"


def notebook_address(exercise: str, learner: str) -> str:
    """Return where the notebook of one learner's latest attempt lies, beside its page."""
    return f"results/{exercise_slug(exercise)}/{learner_slug(learner)}.notebook.html"


def cohort_address(exercise: str) -> str:
    """Return where the cohort's page for an exercise lies."""
    return f"cohorts/{exercise_slug(exercise)}.html"


def exercise_address(exercise: str) -> str:
    """Return where the authors' page for an exercise lies."""
    return f"exercises/{exercise_slug(exercise)}.html"


def pair_address(exercise: str, number: int) -> str:
    """Return where a side-by-side view lies; pairs of an exercise are numbered from 1."""
    return f"pairs/{exercise_slug(exercise)}/{number}.html"
