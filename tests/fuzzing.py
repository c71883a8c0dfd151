"""How many cases a fuzz test tries: a fast share by default, FUZZ times as many in the nightly run."""

import os

from hypothesis import HealthCheck, settings

FUZZ = int(os.environ.get("FUZZ", "1"))


def cases(count: int) -> settings:
    """Return the settings for so many cases, or FUZZ times so many."""
    return settings(max_examples=count * FUZZ, deadline=None, suppress_health_check=list(HealthCheck))
