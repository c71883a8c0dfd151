"""What is handed in here is hostile: pytest collects none of it. At the end it is counted who was believed."""

from collections import Counter

import pytest

collect_ignore = ["broken", "course", "escape", "forging", "resources"]
TALLY = pytest.StashKey[Counter]()


@pytest.fixture
def tally(request) -> Counter:
    """What is counted: how many were `graded`, and how many were `believed`."""
    return request.config.stash.setdefault(TALLY, Counter())


def pytest_terminal_summary(terminalreporter, config):
    """Say how many hostile submissions there were, and how many were believed."""
    tally = config.stash.get(TALLY, None)
    if tally:
        terminalreporter.write_line(
            f"hostile: {tally['graded']} submissions graded, {tally['believed']} earned what they did not do"
        )
