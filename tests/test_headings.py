"""Headings of a grader: what is one, and which one stands above a line."""

import pytest

from harness.headings import heading_above

SOURCE = """# a comment
def first(): ...

# ---- the loss -------------------------------
def second(): ...

    # ---- indented is none ----
def third(): ...
# -- short one --
#----no spaces----
def fourth(): ...
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [(2, ""), (4, ""), (5, "the loss"), (8, "the loss"), (11, "short one"), (99, "short one")],
)
def test_the_heading_above_a_line(tmp_path, line, words):
    file = tmp_path / "public.py"
    file.write_text(SOURCE)
    assert heading_above(file, line) == words


def test_a_check_carries_its_heading(small_course, graded):
    grader = """
    # ---- sums ----
    @check(points=1)
    def test_adds(submission):
        \"\"\"add(a, b) adds\"\"\"
        assert submission.add(1, 2) == 3
    """
    result = graded(small_course(grader), "def add(a, b):\n    return a + b\n", sandbox="process")
    assert [(check.name, check.teaches) for check in result.checks] == [("adds", "sums")]
