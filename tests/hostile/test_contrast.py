"""The table of the contrast is of this catalogue, and says what plain pytest says."""

import pytest

from tests.hostile.catalogue import summary
from tests.hostile.contrast import NO_VERDICT, PAGE, ask_pytest, counted, forgers, judged, table, written

REPORT = '<testsuites><testsuite><testcase name="test_one"/><testcase name="b"><failure/></testcase></testsuite></testsuites>'


@pytest.mark.parametrize(
    ("status", "report", "want"),
    [
        pytest.param(1, REPORT, "accepted: 1 of its tests pass", id="a-point"),
        pytest.param(0, "", "accepted: it ends with status 0", id="no-report"),
        pytest.param(1, REPORT.replace('<testcase name="test_one"/>', ""), "refused", id="all-fail"),
        pytest.param(2, "<half", "refused", id="no-xml"),
        pytest.param(None, "", NO_VERDICT, id="no-end"),
    ],
)
def test_what_counts_as_accepted(status, report, want):
    assert judged(status, report) == want


def test_the_page_is_of_this_catalogue():
    rows = {line.split("`")[1]: line for line in written().splitlines() if line.startswith("| `")}
    assert list(rows) == [attack.name for attack in forgers()], "make contrast"
    said = {name: line.split(" | ")[2] for name, line in rows.items()}
    assert written() == table(said), "make contrast"
    readme = " ".join((PAGE.parents[1] / "README.md").read_text(encoding="utf-8").split())
    assert counted(said) in readme
    assert f"{summary()}." in readme


@pytest.mark.docker
@pytest.mark.parametrize("name", ["F07-brings-a-conftest", "F12-equals-everything"])
def test_plain_pytest_is_fooled(engine, image, name):
    attack = next(one for one in forgers() if one.name == name)
    assert ask_pytest(engine, attack).startswith("accepted")


@pytest.mark.docker
@pytest.mark.slow
def test_the_page_says_what_plain_pytest_says(engine, image):
    assert written() == table({attack.name: ask_pytest(engine, attack) for attack in forgers()}), (
        "make contrast"
    )
