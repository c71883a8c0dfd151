"""Writers: what another system reads back from them is what was meant, and no cell is a formula."""

import base64
import csv
import io
import json
import stat
import zipfile
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.interchange import canvas, classroom, gradescope, junit, moodle, nbgrader, plain
from harness.interchange.autograder import autograder_zip
from harness.interchange.cells import number, safe
from harness.interchange.records import GradeRow
from harness.interchange.writers import write
from harness.records import CheckResult, Outcome, Visibility
from tests.gradebook.conftest import result, ungraded


def row(learner="ada", points=3.0, **fields) -> GradeRow:
    made = GradeRow(
        learner=learner, exercise="stage/small", points=points, possible=4.0, outcome="passed", title="Small"
    )
    return replace(made, **fields)


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_csv_says_who_what_and_how_much():
    rows = [row(), row("bob", None, outcome="ungraded"), row("eve", 0.0, outcome="crashed", possible=None)]
    found = table(plain.export(rows))
    assert [
        [one[name] for name in ("learner", "exercise", "points", "possible", "outcome")] for one in found
    ] == [
        ["ada", "stage/small", "3", "4", "passed"],
        ["bob", "stage/small", "", "4", "ungraded"],
        ["eve", "stage/small", "0", "", "crashed"],
    ]


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"]
)
def test_attack_formulas_in_names_stay_text(text):
    cell = table(plain.export([row(text, name=text)]))[0]
    assert cell["learner"] == cell["name"] == f"'{text}".replace("\r", "\n")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40))
def test_whatever_a_name_is_it_comes_back_and_is_no_formula(name):
    found = table(plain.export([row("ada", name=name)]))
    assert len(found) == 1
    assert found[0]["name"] == safe(name)
    assert not found[0]["name"].startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (2.5, "2.5"), (0.0, "0"), (1 / 3, "0.3333"), (100, "100"), (None, "")]
)
def test_numbers_have_no_needless_zeros(value, text):
    assert number(value) == text


CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Small (901),Other (902),Current Score,Final Grade\r\n"
    ",,,,,Manual Posting,,,\r\n"
    "    Points Possible,,,,,4.00,10.00,(read only),(read only)\r\n"
    '"Lovelace, Ada",17,S1,ada,One,,8.00,80,B\r\n'
    '"Turing, Alan",18,S2,alan@x.org,One,1.00,EX,,\r\n'
    '"Hopper, Grace",19,S3,grace,One,EX,,,\r\n'
    '"=cmd, Eve",20,S4,eve,One,,,,\r\n'
)


def test_canvas_gradebook_round_trip():
    rows = [
        row("lovelaceada", 3.5, ids={"canvas": "17"}),
        row("alan@x.org", 2.0, email="alan@x.org"),
        row("hoppergrace", 4.0),
        row("nobody", 1.0),
        row("eve", None, outcome="ungraded"),
    ]
    data, warnings = canvas.fill(CANVAS.encode(), rows)
    found = list(csv.reader(io.StringIO(data.decode(), newline="")))
    before = list(csv.reader(io.StringIO(CANVAS.removeprefix("\ufeff"), newline="")))
    assert [line[5] for line in found] == ["Small (901)", "Manual Posting", "4.00", "3.50", "2.00", "EX", ""]
    assert [line[6:] for line in found] == [line[6:] for line in before], "other columns are not ours"
    assert [line[:5] for line in found[:6]] == [line[:5] for line in before[:6]]
    assert found[6][0] == "'=cmd, Eve"
    assert warnings == ["nobody is not in Canvas' gradebook"]


def test_canvas_gradebook_with_semicolons_and_a_named_column():
    text = "LastName;FirstName;ID;SIS Login ID;Section;Homework 3 (77)\n Points Possible;;;;;4\nLovelace;Ada;17;ada;;\n"
    data, warnings = canvas.fill(text.encode(), [row("x", 2.25, name="Ada Lovelace")], "77")
    assert (data.decode().splitlines()[2], warnings) == ("Lovelace,Ada,17,ada,,2.25", [])


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "\x00"])
def test_what_is_no_canvas_gradebook_is_refused(text):
    with pytest.raises(SpecError):
        canvas.fill(text.encode(), [row()])


def test_a_column_that_is_not_there_is_said_and_none_is_made_up():
    _, warnings = canvas.fill(
        CANVAS.encode(), [row("x", ids={"canvas": "17"}, title="Third", exercise="stage/third")]
    )
    assert "no column for stage/third" in warnings[0]


def test_canvas_without_an_exported_file_has_the_columns_that_canvas_asks_for():
    found = table(canvas.export([row("ada", 3.0, name="Lovelace, Ada")]))
    assert list(found[0]) == ["Student", "ID", "SIS Login ID", "Section", "Small"]
    assert found[0]["Student"].strip() == "Points Possible"
    assert (found[1]["Student"], found[1]["SIS Login ID"], found[1]["Small"]) == (
        "Lovelace, Ada",
        "ada",
        "3.00",
    )


MOODLE = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Feedback comments"\n'
    '"Participant 55","Ada Lovelace",ada@x.org,"Submitted for grading",,4.00,Yes,\n'
    '"Participant 56","Alan Turing",alan@x.org,"Submitted for grading",1.00,4.00,Yes,kept\n'
)


def test_moodle_worksheet_round_trip():
    rows = [row("55", 3.0, ids={"moodle": "55"}, note="=1"), row("x", 2.0, name="Alan Turing"), row("nobody")]
    data, warnings = moodle.fill(MOODLE.encode(), rows)
    found = table(data)
    assert [(one["Identifier"], one["Grade"], one["Feedback comments"]) for one in found] == [
        ("Participant 55", "3.00", "'=1"),
        ("Participant 56", "2.00", "kept"),
    ]
    assert warnings == ["nobody is not in Moodle's worksheet"]


def test_moodle_worksheet_in_another_language():
    german = MOODLE.replace("Grade,", "Bewertung,", 1).replace("Identifier", "ID")
    assert (
        b"Participant 55,Ada Lovelace,ada@x.org,Submitted for grading,3.00"
        in moodle.fill(german.encode(), [row("55")])[0]
    )
    other = MOODLE.replace("Grade,", "Osjena,", 1)
    with pytest.raises(SpecError, match="no column"):
        moodle.fill(other.encode(), [row("55")])
    assert b"3.00" in moodle.fill(other.encode(), [row("55")], "Osjena")[0]


def test_a_worksheet_is_of_one_assignment():
    with pytest.raises(SpecError, match="one assignment"):
        moodle.fill(MOODLE.encode(), [row("55"), row("55", exercise="stage/other")])


def test_nbgrader_csv_has_its_columns():
    found = table(
        nbgrader.export(
            [row(name="Ada King Lovelace", raw=4.0, penalty=1.0), row(points=None, outcome="ungraded")]
        )
    )
    assert len(found) == 1
    assert found[0] == {
        "assignment": "small",
        "duedate": "",
        "timestamp": "",
        "student_id": "ada",
        "last_name": "Lovelace",
        "first_name": "Ada King",
        "email": "",
        "raw_score": "4",
        "late_submission_penalty": "1",
        "score": "3",
        "max_score": "4",
    }


def mixed():
    """A result with a check of each outcome."""
    outcomes = [Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED, Outcome.SKIPPED]
    checks = tuple(
        CheckResult(
            name=str(one),
            title=f"It is <{one}> & \x1b[31m",
            outcome=one,
            earned=float(one is Outcome.PASSED),
            points=1.0,
            message="\x00 <b>no</b> ]]>",
            visibility=Visibility.HIDDEN if one is Outcome.FAILED else Visibility.PUBLIC,
        )
        for one in outcomes
    )
    return result(1.0, 4.0, checks=checks)


def test_gradescope_results():
    tree = json.loads(gradescope.results_json(mixed()))
    assert tree["score"] == 1.0
    assert [one["status"] for one in tree["tests"]] == ["passed", "failed", "failed", "failed"]
    assert sum(one["score"] for one in tree["tests"]) == tree["score"]
    assert [one["number"] for one in tree["tests"]] == ["1", "2", "3", "4"]
    assert {one["visibility"] for one in tree["tests"]} == {"visible"}, "one hidden test would hide the total"


def test_a_fault_of_ours_is_no_zero_anywhere():
    tree = json.loads(gradescope.results_json(ungraded()))
    assert "score" not in tree
    assert not any("score" in one for one in tree["tests"])
    assert b"Points" not in classroom.notices(ungraded())
    assert json.loads(base64.b64decode(classroom.reporter(ungraded())))["status"] == "error"


def test_github_classroom_reads_the_points():
    complete, report = classroom.notices(mixed()).decode().splitlines()
    assert complete == "::notice title=Autograding complete::Points 1/4"
    assert json.loads(report.partition("report::")[2]) == {"totalPoints": 1.0, "maxPoints": 4.0}
    tree = json.loads(base64.b64decode(classroom.reporter(mixed())))
    assert (tree["version"], tree["max_score"], sum(one["score"] for one in tree["tests"])) == (3, 4.0, 1.0)


def test_junit_is_xml_whatever_learners_write():
    root = ET.fromstring(junit.export([("ada\x00<", mixed()), ("bob", ungraded())]))
    first, second = root
    assert [first.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]
    assert second.get("errors") == "1"
    assert [case[1].tag for case in first if len(case) > 1] == ["failure", "failure", "skipped"]
    properties = {one.get("name"): one.get("value") for one in first[0][0]}
    assert (properties["points"], properties["max_points"]) == ("1", "1")


@given(st.text(max_size=50))
def test_junit_takes_any_text(text):
    check = CheckResult(
        name="x", title=text, outcome=Outcome.FAILED, earned=0, points=1, message=text, hint=text
    )
    ET.fromstring(junit.export([(text, result(checks=(check,)))]))


@pytest.mark.parametrize("form", ["csv", "canvas", "nbgrader", "junit"])
def test_an_empty_gradebook_can_be_written(form):
    assert write(form, [], []).data


def test_moodle_needs_its_worksheet():
    with pytest.raises(SpecError, match="exported there"):
        write("moodle", [row()], [])


def test_the_autograder_for_gradescope_can_start_and_carries_no_reference(course):
    data = autograder_zip(course.root, "transformers/attention")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in ("setup.sh", "run_autograder")}
    assert all(mode & stat.S_IXUSR for mode in modes.values())
    assert {"course/graders/transformers/attention/hidden.py", "course/exercises/roadmap.toml"} <= names
    assert not any("reference" in name or "wrong" in name for name in names)
