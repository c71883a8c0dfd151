"""The commands, as an instructor types them."""

import json
import shutil

import pytest

from tests.cohort.conftest import batch, standing


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Where the gradebook is kept that every test takes a copy of."""
    return tmp_path_factory.mktemp("original") / "g.db"


@pytest.fixture
def graded(cohort, roadmark, tmp_path, original):
    """A gradebook with three results; returns its URL."""
    if not original.exists():
        cohort(3)
        roadmark(*batch(str(original)))
    return str(shutil.copy(original, tmp_path / "g.db"))


def test_a_gradebook_is_shown_adjusted_exported_and_its_history_told(graded, command):
    use = ("--gradebook", graded)
    assert "wrong002" in command("gradebook", "show", *use).stdout
    command(
        "gradebook",
        "adjust",
        "wrong002",
        "small",
        "+1.5",
        "--reason",
        "typo in the task",
        "--author",
        "me",
        *use,
    )
    assert standing(graded)["wrong002"] == ("failed", "2.5")
    command("gradebook", "set", "wrong002", "small", "3", "--reason", "oral exam", "--author", "me", *use)
    assert standing(graded)["wrong002"] == ("passed", "4.5")
    command("gradebook", "adjust", "wrong002", "small", "clear", "--reason", "again", "--author", "me", *use)
    assert standing(graded)["wrong002"] == ("failed", "1")
    told = command("gradebook", "history", "wrong002", *use).stdout
    assert [line.split("adjusted ")[1].split(" (")[0] for line in told.splitlines()[1:]] == [
        "add 1.5",
        "set 3",
        "clear",
    ]
    assert "by me: typo in the task" in told


@pytest.mark.parametrize(("counts", "first"), [("best", True), ("last", False)])
def test_a_site_shows_the_attempt_that_counts(graded, cohort, command, roadmark, tmp_path, counts, first):
    cohort(3)
    shutil.copy(tmp_path / "handed-in" / "wrong002.py", tmp_path / "handed-in" / "right000.py")
    roadmark(*batch(graded))
    command("gradebook", "policy", "small", "--attempts", counts, "--gradebook", graded)
    command("report", "--site", "site", "--gradebook", graded)
    page = (tmp_path / "site" / "cohorts" / "stage.small.html").read_text("utf-8")
    assert ("an earlier attempt counts" in page) == first


def test_policies_rubrics_and_names(graded, command, tmp_path):
    use = ("--gradebook", graded)
    assert "late_penalty 0.1" in command("gradebook", "policy", "small", "--late-penalty", "0.1", *use).stdout
    command("gradebook", "rubric", "small", "style", "2", *use)
    command("gradebook", "adjust", "half001", "small", "1.5", "--item", "style", "--reason", "neat", *use)
    (tmp_path / "roster.csv").write_text("learner,name,email,canvas\nhalf001,Grace Hopper,grace@x.org,77\n")
    command("gradebook", "roster", "roster.csv", *use)
    command("gradebook", "alias", "half001", "gh", *use)
    command("gradebook", "extend", "gh", "small", "2030-01-01", "--reason", "ill", *use)
    assert "3.5/5" in command("gradebook", "show", "grace@x.org", *use).stdout
    command("gradebook", "merge", "wrong002", "half001", *use)
    assert "wrong002" not in standing(graded)


def test_items_of_the_specification_are_known_to_the_gradebook(cohort, roadmark, command, tiny, tmp_path):
    cohort(1)
    with (tiny.exercise_folder("stage/small") / "exercise.toml").open("a") as spec:
        spec.write('\n[[rubric]]\nid = "style"\ntitle = "Style"\npoints = 2\n')
        spec.writelines(
            f'[[rubric.levels]]\npoints = {points}\nwords = "w"\nexample = "e"\n' for points in (2, 0)
        )
    gradebook = str(tmp_path / "g.db")
    roadmark(*batch(gradebook))
    use = ("--gradebook", gradebook)
    shown = command("gradebook", "show", *use).stdout
    assert "3/3" in shown
    assert "not yet scored by a person: style" in shown
    command("gradebook", "adjust", "right000", "small", "1.5", "--item", "style", "--reason", "neat", *use)
    assert "4.5/5" in command("gradebook", "show", *use).stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ("set", "right00", "small", "1", "--reason", "x"), "Did you mean 'right000'?", id="near-learner"
        ),
        pytest.param(
            ("set", "right000", "smal", "1", "--reason", "x"), "known there: stage/small", id="no-exercise"
        ),
        pytest.param(("set", "right000", "small", "1"), "--reason", id="no-reason"),
        pytest.param(
            ("adjust", "right000", "small", "much", "--reason", "x"), "neither points", id="no-points"
        ),
        pytest.param(("export", "--format", "moodle"), "--fill FILE", id="no-worksheet"),
        pytest.param(("policy", "small", "--due", "soon"), "is not a time", id="no-time"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(graded, command, arguments, says):
    assert says in command("gradebook", *arguments, "--gradebook", graded, check=2).stderr


def test_a_gradebook_that_is_not_there_is_not_made_by_looking(command, tmp_path):
    assert (
        "there is no gradebook typo.db"
        in command("gradebook", "show", "--gradebook", "typo.db", check=2).stderr
    )
    assert not (tmp_path / "typo.db").exists()


def test_an_import_is_rehearsed_then_done(command, tmp_path, cohort):
    folder = tmp_path / "canvas"
    folder.mkdir()
    (folder / "doejane_12_34_small.py").write_text("x = 1\n")
    (folder / "turing_LATE_13_35_small-1.py").write_text("x = 2\n")
    (folder / "notes.txt").write_text("")
    for index in range(20):
        (folder / f"user{index}_9{index}_8{index}_small.py").write_text(f"x = {index}\n")
    shutil.make_archive(str(tmp_path / "submissions"), "zip", folder)
    arguments = ("import", "submissions.zip", "--exercise", "small", "--gradebook", "g.db")
    said = command(*arguments, "--dry-run").stdout
    assert "22 submissions, read as canvas" in said
    assert "doejane 12 -> doejane (new): stage/small" in said
    assert "turing 13 -> turing (new): stage/small, turing_LATE_13_35_small-1.py, late" in said
    assert "ignored  notes.txt" in said
    assert not (tmp_path / "g.db").exists()
    command(*arguments, "--out", "tree")
    assert (tmp_path / "tree" / "turing" / "small" / "small.py").read_text() == "x = 2\n"
    assert "doejane 12 -> doejane:" in command(*arguments, "--dry-run").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("batch", "small"),
        ("batch", "--all", "small", "x"),
        ("batch", "small", "nowhere"),
        ("batch", "small", ".", "--diff"),
        ("batch", "small", ".", "--executor", "ray", "--runtime", "runsc"),
    ],
)
def test_wrong_usage_of_batch_ends_with_2(command, arguments):
    command(*arguments, check=2)


def test_a_stored_result_is_exported(command, roadmark, cohort, tmp_path, tiny):
    cohort(1)
    done = roadmark(
        "grade", "small", "handed-in/right000.py", "--json", "--sandbox", "process", "--trust-submissions"
    )
    (tmp_path / "r.json").write_text(done.stdout)
    assert json.loads(command("export", "r.json", "--format", "gradescope").stdout)["score"] == 3
    assert "Points 3/3" in command("export", "r.json", "--format", "github").stdout
    command("export", "--format", "gradescope-autograder", "--exercise", "small", "--out", "autograder.zip")
    assert (tmp_path / "autograder.zip").read_bytes().startswith(b"PK")


def test_ten_thousand_results_are_exported_in_little_time_and_memory(tmp_path, roadmark):
    import importlib.util
    import resource
    from pathlib import Path

    spec = importlib.util.spec_from_file_location(
        "bench_cohort", Path(__file__).parents[2] / "bench" / "cohort.py"
    )
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    bench.fill(tmp_path / "g.db", 10_000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(roadmark("gradebook", "export", "--gradebook", "g.db").stdout.splitlines()) == 10_001
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 3.0, "processor time: this machine may be busy with something else"
