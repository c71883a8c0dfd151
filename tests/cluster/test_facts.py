"""Nodes that would grade otherwise are found and named."""

from dataclasses import replace

import pytest

from harness.cluster.facts import Facts, differences, facts_of, require_alike
from harness.cluster.report import dump, load
from harness.cohort.grading import Report
from harness.errors import SandboxError
from tests.gradebook.conftest import result

OURS = Facts(name="this machine", versions="roadmark 1", program="p", course="c")
ADA, BOB, CYD = (
    replace(OURS, name=name, images=(("cpu", "sha256:" + "a" * 64),)) for name in ("ada", "bob", "cyd")
)


@pytest.mark.parametrize(
    ("nodes", "want"),
    [
        pytest.param([ADA, BOB, CYD], [], id="alike"),
        pytest.param([ADA, replace(BOB, course="d")], ["bob: its course: d; this machine's: c"], id="course"),
        pytest.param([replace(ADA, program="q")], ["ada: its program: q; this machine's: p"], id="program"),
        pytest.param(
            [replace(ADA, versions="roadmark 2")],
            ["ada: its versions: roadmark 2; this machine's: roadmark 1"],
            id="version",
        ),
        pytest.param([ADA, replace(BOB, fault="no engine", images=())], ["bob: no engine"], id="engine"),
        pytest.param(
            [ADA, replace(BOB, images=(("cpu", "sha256:" + "b" * 64),)), CYD],
            [f"bob: its image cpu: {'b' * 12}; that of the others: {'a' * 12}"],
            id="image",
        ),
        pytest.param(
            [replace(ADA, course="d"), replace(BOB, program="q")],
            ["ada: its course: d; this machine's: c", "bob: its program: q; this machine's: p"],
            id="all-at-once",
        ),
    ],
)
def test_differences_known_answers(nodes, want):
    assert differences(OURS, nodes) == want
    if want:
        with pytest.raises(SandboxError, match=want[-1].partition(":")[0]):
            require_alike(OURS, nodes)
    else:
        require_alike(OURS, nodes)


def test_facts_follow_the_course(tiny):
    before = facts_of("here", tiny, (), "none")
    assert before == facts_of("here", tiny, (), "none")
    public = tiny.grader_folder("stage/small") / "public.py"
    public.write_text(public.read_text() + "# mended\n")
    after = facts_of("here", tiny, (), "none")
    assert (before.course != after.course, before.program, before.versions) == (
        True,
        after.program,
        after.versions,
    )


@pytest.mark.parametrize(
    "report",
    [
        Report(result=result(3), unkept="why"),
        Report(fault="words with ✓ and \x00", again=True, log="l"),
        Report(result=result(float("inf"))),
    ],
    ids=["result", "fault", "infinite"],
)
def test_a_report_travels_as_json(report):
    assert load(dump(report)) == report


@pytest.mark.parametrize("text", [b"", b"{}x", b'{"fault": 3}', b'{"pickle": "x"}', b"\x80\x04K\x01."])
def test_what_is_no_report_is_a_fault(text):
    found = load(text)
    assert not found.graded
    assert found.fault.startswith("its report cannot be read: ")


def test_a_report_that_cannot_be_written_is_a_fault():
    assert load(dump(Report(fault="\udcff"))).fault.startswith("its report cannot be written: ")
