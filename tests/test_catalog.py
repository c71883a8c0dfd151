"""Courses and exercises from files: every error at once, with the name that was meant."""

import json
import os

import pytest

from harness.catalog import HOME, Course, folder_digest, load_exercise, metric_marks, read_exercise
from harness.errors import SpecError
from harness.records import Exercise, Limits

ROADMAP = """
[[stage]]
id = "second-by-name"
title = "First by order"
summary = "One."

[[stage]]
id = "first-by-name"
title = "Second by order"
summary = "Two."
covers = ["a", "b"]
"""
SPEC = 'title = "T"\nsummary = "S"\nentry = "a.py"\n'


@pytest.fixture
def made(tmp_path):
    """Make a course of exercises from the text of their specifications."""

    def make(specs: dict[str, str], roadmap: str = ROADMAP) -> Course:
        (tmp_path / "exercises").mkdir(exist_ok=True)
        (tmp_path / "exercises" / "roadmap.toml").write_text(roadmap)
        for name, text in specs.items():
            folder = tmp_path / "exercises" / name
            folder.mkdir(parents=True)
            (folder / "exercise.toml").write_text(text)
        return Course(tmp_path)

    return make


def refused(call) -> SpecError:
    with pytest.raises(SpecError) as error:
        call()
    return error.value


# ---- exercises -------------------------------------------------------------------------------


def test_the_least_and_the_most_that_can_be_said(made):
    course = made(
        {
            "s/least": SPEC,
            "s/most": SPEC
            + (
                'topics = ["x"]\ndifficulty = "hard"\nminutes = 5\npass_mark = 1.0\ndevice = "gpu"\nprofile = "p"\n'
                'preload = ["torch"]\nrequires = ["s/least"]\n[limits]\nmemory_mb = 1\nrestarts = 0\ncall_seconds = 0.5\n'
            ),
        }
    )
    assert course.find("least") == Exercise(id="s/least", title="T", summary="S", entry="a.py")
    most = course.find("s/most")
    assert (most.topics, most.difficulty, most.pass_mark, most.requires) == (
        ("x",),
        "hard",
        1.0,
        ("s/least",),
    )
    assert most.limits == Limits(memory_mb=1, restarts=0, call_seconds=0.5)


RUBRIC = """
[[rubric]]
id = "clear-claim"
title = "Says what is claimed"
points = 4

[[rubric.levels]]
points = 4
words = "Claim and conditions."
example = "At n = 100 ..."

[[rubric.levels]]
points = 0
words = "Neither."
example = "It works."
"""


def test_a_rubric_is_read_level_by_level(made):
    (item,) = made({"s/one": SPEC + RUBRIC}).find("one").rubric
    assert (item.id, item.title, item.points) == ("clear-claim", "Says what is claimed", 4.0)
    assert [(level.points, level.words) for level in item.levels] == [
        (4.0, "Claim and conditions."),
        (0.0, "Neither."),
    ]


FAULTS = {
    "rubric-unknown-key": (
        SPEC + RUBRIC.replace("example", "exampel", 1),
        ["rubric.0.levels.0.exampel: unknown key. Did you mean 'example'?"],
    ),
    "rubric-id": (SPEC + RUBRIC.replace("clear-claim", "Clear claim"), ["rubric.Clear claim: an id has"]),
    "rubric-twice": (SPEC + RUBRIC + RUBRIC, ["rubric.clear-claim: 2 items have this id"]),
    "rubric-points": (SPEC + RUBRIC.replace("points = 4", "points = 0"), ["rubric.clear-claim.points: must"]),
    "rubric-most": (SPEC + RUBRIC.replace("points = 4", "points = 5", 1), ["levels: at least two, from 5"]),
    "rubric-falling": (SPEC + RUBRIC.replace("points = 0", "points = 4"), ["levels: at least two, from 4"]),
    "rubric-below-0": (SPEC + RUBRIC.replace("points = 0", "points = -1"), ["down to 0 or more"]),
    "rubric-no-example": (SPEC + RUBRIC.replace('"It works."', '" "'), ["each needs words, and an example"]),
    "rubric-no-levels": (SPEC + RUBRIC.partition("[[rubric.l")[0], ["rubric.0.levels: "]),
    "missing": ('title = "T"', ["summary: ", "entry: "]),
    "unknown-key": (SPEC + 'sumary = "x"', ["sumary: unknown key. Did you mean 'summary'?"]),
    "unknown-and-far": (SPEC + "zzz = 1", ["zzz: unknown key. Known: ", "pass_mark"]),
    "unknown-limit": (
        SPEC + "[limits]\nmemory = 5",
        ["limits.memory: unknown key. Did you mean 'memory_mb'?"],
    ),
    "number-as-text": (SPEC + 'minutes = "60"', ["minutes: input should be a valid integer"]),
    "text-as-number": ("title = 5\nsummary = 'S'\nentry = 'a.py'", ["title: input should be a valid string"]),
    "share-as-text": (SPEC + 'pass_mark = "high"', ["pass_mark: input should be a valid number"]),
    "bool-as-number": (SPEC + "minutes = true", ["minutes: input should be a valid integer"]),
    "text-as-list": (SPEC + 'topics = "x"', ["topics: "]),
    "date": (SPEC + "minutes = 2020-01-01", ["minutes: input should be a valid integer"]),
    "one-of": (SPEC + 'difficulty = "brutal"', ["difficulty: input should be 'easy', 'medium' or 'hard'"]),
    "limits-list": (SPEC + "limits = [1]", ["limits: "]),
    "pass-mark-0": (SPEC + "pass_mark = 0.0", ["pass_mark: 0.0 is not a share above 0 and up to 1"]),
    "pass-mark-nan": (SPEC + "pass_mark = nan", ["pass_mark: nan is not a share"]),
    "entry-path": (
        'title = "T"\nsummary = "S"\nentry = "../a.py"',
        ["entry: '../a.py' is not the name of a Python file"],
    ),
    "entry-kind": ('title = "T"\nsummary = "S"\nentry = "a.txt"', ["entry: 'a.txt'"]),
    "limit-0": (SPEC + "[limits]\ncpus = 0", ["limits.cpus: must be above 0"]),
    "limit-negative": (SPEC + "[limits]\nrestarts = -1", ["limits.restarts: must be 0 or more"]),
    "limit-nan": (SPEC + "[limits]\ncall_seconds = nan", ["limits.call_seconds: must be above 0"]),
    "limit-infinite": (SPEC + "[limits]\ntotal_seconds = inf", ["limits.total_seconds: must be above 0"]),
    "id": (SPEC + 'id = "x"', ["id: leave it out"]),
    "all-at-once": (
        'title = 5\nentry = "a.txt"\npass_mark = 2.0\nlevel = 3\n[limits]\ncpus = 0\nmemory = 1',
        ["title: ", "summary: ", "entry: ", "pass_mark: ", "level: ", "limits.cpus: ", "limits.memory: "],
    ),
}


@pytest.mark.parametrize(("text", "told"), FAULTS.values(), ids=FAULTS)
def test_everything_that_is_wrong_is_said_at_once(made, text, told):
    course = made({"s/one": text})
    error = refused(lambda: course.find("one"))
    assert str(error).startswith(f"{course.root}/exercises/s/one/exercise.toml:\n")
    for words in told:
        assert words in str(error)
    assert len(read_exercise(course.exercise_folder("s/one"))[1]) >= len(told) - ("Known" in told[0])


NOT_TOML = {
    "broken": b"title = ",
    "twice": b'title = "a"\ntitle = "b"',
    "not-utf8": b'title = "\xff"',
}


@pytest.mark.parametrize("data", NOT_TOML.values(), ids=NOT_TOML)
def test_what_is_not_toml_is_said_with_its_file(made, data):
    course = made({"s/one": ""})
    file = course.exercise_folder("s/one") / "exercise.toml"
    file.write_bytes(data)
    assert str(refused(lambda: load_exercise(file.parent))).startswith(f"{file}: ")


def test_an_exercise_without_a_specification(tmp_path):
    assert str(refused(lambda: load_exercise(tmp_path))) == f"{tmp_path}/exercise.toml does not exist"


# ---- finding ---------------------------------------------------------------------------------


@pytest.fixture
def several(made):
    names = (
        "first-by-name/b",
        "first-by-name/a",
        "second-by-name/z",
        "second-by-name/gpt",
        "other/gpt",
        "x/attention",
    )
    return made(dict.fromkeys(names, SPEC))


def test_exercises_come_in_the_order_of_the_roadmap(several):
    assert several.names() == (
        "second-by-name/gpt",
        "second-by-name/z",
        "first-by-name/a",
        "first-by-name/b",
        "other/gpt",
        "x/attention",
    )


FOUND = {
    "whole": ("x/attention", "x/attention", ""),
    "last-part": ("attention", "x/attention", ""),
    "near": ("atention", "there is no exercise 'atention'", "Did you mean 'attention'?"),
    "near-with-stage": ("x/atention", "there is no exercise 'x/atention'", "Did you mean 'x/attention'?"),
    "far": ("q", "there is no exercise 'q'", "roadmark list"),
    "empty": ("", "there is no exercise ''", "roadmark list"),
    "two-of-that-name": (
        "gpt",
        "'gpt' is the name of several exercises",
        "say one of: second-by-name/gpt, other/gpt",
    ),
    "a-path": ("../x/attention", "there is no exercise '../x/attention'", "Did you mean 'x/attention'?"),
}


@pytest.mark.parametrize(("name", "told", "hint"), FOUND.values(), ids=FOUND)
def test_names_are_found_or_guessed(several, name, told, hint):
    if hint:
        error = refused(lambda: several.find(name))
        assert (str(error), error.hint) == (told, hint)
    else:
        assert several.find(name).id == told


def test_an_empty_course(made):
    course = made({}, roadmap="")
    assert (course.names(), course.stages()) == ((), ())
    assert refused(lambda: course.find("gpt")).hint == "roadmark list"


def test_a_folder_that_is_no_course(tmp_path):
    error = refused(Course(tmp_path / "nowhere").names)
    assert "is not a course" in str(error)
    assert error.hint == "roadmark --course DIR list"


STAGES = {
    "no-roadmap": (None, "roadmap.toml does not exist"),
    "two-of-one-id": (
        '[[stage]]\nid = "a"\ntitle = "A"\nsummary = "S"\n' * 2,
        "several stages have the id a",
    ),
    "unknown-key": (
        '[[stage]]\nid = "a"\ntitle = "A"\nsumary = "S"',
        "0.sumary: unknown key. Did you mean 'summary'?",
    ),
    "no-title": ('[[stage]]\nid = "a"\nsummary = "S"', "0.title: "),
    "not-a-list": ("stage = 5", "roadmap.toml:"),
    "not-toml": ("[[stage", "roadmap.toml: "),
}


@pytest.mark.parametrize(("text", "words"), STAGES.values(), ids=STAGES)
def test_a_roadmap_that_is_wrong(made, text, words):
    course = made({}, roadmap=text or "")
    if text is None:
        (course.root / "exercises" / "roadmap.toml").unlink()
    assert words in str(refused(course.stages))


def test_the_course_that_comes_with_it():
    course = Course(HOME)
    assert len(course.stages()) > 10
    for name in course.names():
        assert course.find(name).id == name


# ---- calibration and digests -----------------------------------------------------------------


@pytest.fixture
def calibrated(made):
    course = made({"s/one": SPEC})
    folder = course.grader_folder("s/one")
    folder.mkdir(parents=True)

    def write(text: str) -> Course:
        (folder / "calibration.json").write_text(text)
        return course

    return write


def test_marks_are_read(calibrated):
    text = json.dumps({"metrics": {"fid": {"zero": 10, "full": 0.5, "runs": [1]}}})
    assert metric_marks(calibrated(text), "s/one") == {"fid": {"zero": 10.0, "full": 0.5}}


def test_without_a_calibration_there_are_no_marks(made):
    assert metric_marks(made({"s/one": SPEC}), "s/one") == {}


BAD = {
    "not-json": "{",
    "list": "[]",
    "no-metrics": "{}",
    "metrics-list": '{"metrics": []}',
    "metric-number": '{"metrics": {"a": 5}}',
    "no-full": '{"metrics": {"a": {"zero": 1}}}',
    "text": '{"metrics": {"a": {"zero": "1", "full": 0}}}',
    "bool": '{"metrics": {"a": {"zero": true, "full": 0}}}',
    "null": '{"metrics": {"a": {"zero": null, "full": 0}}}',
    "nan": '{"metrics": {"a": {"zero": NaN, "full": 0}}}',
    "infinite": '{"metrics": {"a": {"zero": 1e999, "full": 0}}}',
    "huge": '{"metrics": {"a": {"zero": 1%s, "full": 0}}}' % ("0" * 400),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_malformed_calibration_is_said_with_the_next_command(calibrated, text):
    error = refused(lambda: metric_marks(calibrated(text), "s/one"))
    assert "calibration.json: " in str(error)
    assert error.hint == "roadmark calibrate s/one"


def test_a_digest_is_of_names_and_bytes_and_of_nothing_else(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, names in ((one, ("a", "b/c")), (other, ("b/c", "a"))):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
    before = folder_digest(one)
    assert before == folder_digest(other)
    os.utime(one / "a", (0, 0))
    (one / "__pycache__").mkdir()
    (one / "__pycache__" / "a.pyc").write_text("x")
    assert folder_digest(one) == before
    (one / "a").rename(one / "d")
    renamed = folder_digest(one)
    (one / "d").write_text("changed")
    assert len({before, renamed, folder_digest(one), folder_digest(one, other)}) == 4
