"""A grader's source tells what it asks, and what is wrong with it, without being run."""

import pytest

from harness.outline import outline
from harness.records import Visibility

GOOD = '''
from harness.grading import check, metric
import torch_that_nobody_installed

@check(points=2, hint="look")
def test_first(submission):
    """The first title

    and more."""

@check(points=1, needs=test_first)
def test_second(submission):
    """The second title"""

@metric(points=3.5, better="lower", unit="bits", scale="log", needs=["first", test_second])
def test_third(submission):
    """The third title"""
'''


def read(tmp_path, public, hidden=None):
    (tmp_path / "public.py").write_text(public)
    if hidden is not None:
        (tmp_path / "hidden.py").write_text(hidden)
    return outline(tmp_path)


def test_reads_what_is_asked(tmp_path):
    found = read(tmp_path, GOOD, '@check(points=1)\ndef test_last(s):\n    """Last"""\n')
    assert found.faults == ()
    assert [check.name for check in found.checks] == ["first", "second", "third", "last"]
    first, second, third, last = found.checks
    assert (first.title, first.points, first.hint) == ("The first title", 2, "look")
    assert second.needs == ("first",)
    assert (third.is_metric, third.better, third.unit, third.scale) == (True, "lower", "bits", "log")
    assert third.needs == ("first", "second")
    assert last.visibility is Visibility.HIDDEN
    assert found.points == 7.5
    assert found.metrics == (third,)


MARKED = '@check(points=1)\ndef test_{name}(s):\n    """Title"""\n'


@pytest.mark.parametrize(
    ("public", "told", "line"),
    [
        pytest.param("x = 1\n", "no checks", 0, id="no-check"),
        pytest.param("def test_a(:\n", "is not Python", 1, id="not-python"),
        pytest.param('def test_a(s):\n    """T"""\n', "no @check or @metric", 1, id="unmarked"),
        pytest.param('@check()\ndef test_a(s):\n    """T"""\n', "earns no points", 1, id="no-points"),
        pytest.param(
            '@check(points=0)\ndef test_a(s):\n    """T"""\n', "earns no points", 1, id="zero-points"
        ),
        pytest.param('@check(points=-1)\ndef test_a(s):\n    """T"""\n', "earns no points", 1, id="negative"),
        pytest.param("@check(points=1)\ndef test_a(s):\n    pass\n", "has no title", 1, id="no-docstring"),
        pytest.param(
            '@check(point=1, points=1)\ndef test_a(s):\n    """T"""\n', "unknown argument: point", 1, id="key"
        ),
        pytest.param(
            '@metric(points=1, unit="x")\ndef test_a(s):\n    """T"""\n',
            "has no better",
            1,
            id="no-direction",
        ),
        pytest.param(
            '@metric(points=1, better="down", unit="x")\ndef test_a(s):\n    """T"""\n',
            "has no better",
            1,
            id="odd-direction",
        ),
        pytest.param(
            '@metric(points=1, better="lower")\ndef test_a(s):\n    """T"""\n', "has no unit", 1, id="no-unit"
        ),
        pytest.param(MARKED.format(name="a") * 2, "two checks are called 'a'", 5, id="twice"),
        pytest.param(
            '@check(points=1, needs="b")\ndef test_a(s):\n    """T"""\n',
            "needs 'b', which is no check",
            2,
            id="unknown",
        ),
        pytest.param(
            '@check(points=1, needs="b")\ndef test_a(s):\n    """T"""\n' + MARKED.format(name="b"),
            "asked later",
            2,
            id="later",
        ),
        pytest.param(
            '@check(points=1, needs="a")\ndef test_a(s):\n    """T"""\n',
            "circle: a needs a",
            2,
            id="needs-itself",
        ),
        pytest.param(
            '@check(points=1, needs="b")\ndef test_a(s):\n    """T"""\n'
            '@check(points=1, needs="a")\ndef test_b(s):\n    """T"""\n',
            "circle",
            2,
            id="circle",
        ),
        pytest.param(
            "from reference.x import y\n" + MARKED.format(name="a"), "imports the reference", 1, id="cheat"
        ),
    ],
)
def test_says_what_is_wrong(tmp_path, public, told, line):
    faults = read(tmp_path, public).faults
    assert [fault.line for fault in faults if told in fault.reason][:1] == [line], faults


def test_every_fault_is_told_at_once(tmp_path):
    public = "@check(ponts=1)\ndef test_a(s): ...\n\ndef test_b(s): ...\n"
    reasons = " ".join(fault.reason for fault in read(tmp_path, public).faults)
    assert all(part in reasons for part in ("ponts", "no points", "no title", "no @check"))


def test_near_names_are_suggested(tmp_path):
    public = MARKED.format(name="mean") + '@check(points=1, needs="maen")\ndef test_b(s):\n    """T"""\n'
    assert [fault.fix for fault in read(tmp_path, public).faults] == ["did you mean mean?"]


def test_a_folder_without_a_grader_is_a_fault(tmp_path):
    assert "no grader" in outline(tmp_path).faults[0].reason


def test_points_that_are_computed_are_left_alone(tmp_path):
    found = read(tmp_path, 'HALF = 0.5\n@check(points=2 * HALF)\ndef test_a(s):\n    """T"""\n')
    assert found.faults == ()
    assert found.checks[0].points is None
