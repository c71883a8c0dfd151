"""`roadmark report`: a page, a site from files or from a gradebook, and files for CI."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import nbformat
import pytest
from click.testing import CliRunner
from cohort_samples import CODE, EXERCISES, attempts, learner, other_code, renamed
from learner_samples import check, gpt, lab_report, result
from page_reader import Page

from harness.cli.main import main
from harness.errors import SpecError
from harness.gradebook import Gradebook, deciding, ledger, roster
from harness.interchange.records import Person
from harness.records import Outcome
from harness.store import save, schema
from reports.addresses import learner_address, result_address

ATTENTION = EXERCISES[1].id


def run(*arguments, status=0):
    done = CliRunner().invoke(main, ["report", *map(str, arguments)], standalone_mode=False)
    if status is None:
        return done
    assert done.exception is None, done.output
    return done.output


@pytest.fixture
def folder(tmp_path):
    """Results as files, in an order of their own, beside a file that is none."""
    for number, one in enumerate(reversed(list(attempts(6, 4)))):
        save(one, tmp_path / "results" / f"{number}.json")
    (tmp_path / "results" / "notes.json").write_text("{}")
    return tmp_path / "results"


def test_one_result_becomes_a_page(tmp_path):
    save(gpt(), tmp_path / "gpt.json")
    assert "Report:" in run(tmp_path / "gpt.json")
    assert "A small GPT" in (tmp_path / "gpt.html").read_text("utf-8")


def test_a_notebook_lies_beside_its_report(tmp_path):
    save(replace(gpt(), notebook=lab_report()), tmp_path / "gpt.json")
    run(tmp_path / "gpt.json", "--html", tmp_path / "page.html")
    assert 'href="page.notebook.html"' in (tmp_path / "page.html").read_text("utf-8")
    assert "My lab report" in (tmp_path / "page.notebook.html").read_text("utf-8")


def test_one_result_for_machines(tmp_path):
    save(gpt(), tmp_path / "gpt.json")
    summary = tmp_path / "summary.md"
    summary.write_text("# mine\n")
    run(tmp_path / "gpt.json", "--junit", tmp_path / "junit.xml", "--markdown", summary)
    assert ET.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"
    assert summary.read_text("utf-8").startswith("# mine\n## Roadmark")
    assert not (tmp_path / "gpt.html").exists()


def test_a_folder_becomes_a_site(folder, tmp_path):
    told = run(folder, "--site", tmp_path / "site", "--junit", tmp_path / "all.xml")
    assert "ignored" in told
    site = tmp_path / "site"
    assert (site / "index.html").exists()
    assert len(list((site / "learners").glob("*.html"))) == 6
    assert len(list((site / "cohorts").glob("*.html"))) == 3
    assert (site / "exercises" / "transformers.attention.html").exists()
    assert not list(site.rglob("*.part"))
    assert len(ET.parse(tmp_path / "all.xml").getroot()) == len(list(attempts(6, 4)))


def test_a_gradebook_becomes_a_site(tmp_path):
    url = str(tmp_path / "grades.db")
    with Gradebook(url) as book:
        for one in attempts(4, 4, tries=1):
            book.write(lambda session, one=one: keep(session, one))
        book.write(lambda session: keep_fault(session))
    run("--site", tmp_path / "site", "--gradebook", url)
    assert len(list((tmp_path / "site" / "learners").glob("*.html"))) == 4
    cohort = (tmp_path / "site" / "cohorts" / "transformers.attention.html").read_text("utf-8")
    assert "the engine was gone" in cohort
    assert "--retry-ungraded --only lost" in cohort


def keep(session, result):
    who = roster.enrol(session, Person(key=result.learner))
    made = ledger.attempt_of(session, who, result.exercise, result.submission)
    ledger.keep(session, [made], ledger.Entry(key="k", graded_at="2026-03-01", result=result))


TRIES = [0.4, 0.9, 0.6]
"""What one learner earned of ten points, attempt by attempt."""


@pytest.mark.parametrize(("policy", "counts"), [("last", 3), ("best", 2), ("first", 1)])
def test_a_site_follows_the_gradebook_s_policy(tmp_path, policy, counts):
    url = str(tmp_path / "grades.db")
    with Gradebook(url) as book:
        for number, share in enumerate(TRIES, 1):
            made = result(
                check("a", Outcome.FAILED, earned=10 * share, points=10.0),
                learner="Ada",
                exercise=EXERCISES[1],
            )
            made = replace(
                made,
                submission=f"{number:064x}",
                provenance=replace(made.provenance, finished=f"2026-03-0{number}T10:00:00+00:00"),
            )
            book.write(lambda session, made=made: keep(session, made))
        book.write(lambda session: deciding.set_policy(session, ATTENTION, "me", attempts=policy))
        book.write(lambda session: deciding.set_policy(session, "*", "me", attempts="last"))
    run("--site", tmp_path / "site", "--gradebook", url)
    site = tmp_path / "site"
    cohort = Page((site / "cohorts" / "transformers.attention.html").read_text("utf-8"))
    assert f"Ada{' *' * (counts != 3)}{round(100 * TRIES[counts - 1])} %" in cohort.text
    walk = Page((site / learner_address("Ada")).read_text("utf-8"))
    assert f"{10 * TRIES[counts - 1]:g} of 10 points" in walk.text
    own = Page((site / result_address(ATTENTION, "Ada")).read_text("utf-8"))
    assert "6 of 10 points" in own.text, "a learner's page is about the latest attempt"
    assert (f"Attempt {counts} counts, not this one" in own.text) == (counts != 3)
    assert f"{counts} counts" in own.text


def test_the_schema_is_printed():
    assert json.loads(run("--schema")) == schema()


def keep_fault(session):
    made = ledger.attempt_of(session, roster.enrol(session, Person(key="lost")), ATTENTION, "f" * 64)
    ledger.keep(session, [made], ledger.Entry(key="k", graded_at="2026-03-01", fault="the engine was gone"))


def notebook(code):
    """Return a notebook with a cell for each function, and an output that nobody should look at."""
    cells = [nbformat.v4.new_code_cell(part) for part in code.split("\n\n")]
    cells[0]["outputs"] = [nbformat.v4.new_output("stream", text="<script>alert(1)</script>")]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


def test_code_that_is_alike_is_found_in_notebooks_too(folder, tmp_path):
    handed = tmp_path / "handed"
    for index in range(6):
        place = handed / learner(index) / "attention"
        place.mkdir(parents=True)
        if index == 2:
            (place / "attention.ipynb").write_text(notebook(renamed(CODE)), "utf-8")
        else:
            (place / "attention.py").write_text(CODE if index == 0 else other_code(index), "utf-8")
    run(folder, "--site", tmp_path / "site", "--sources", handed, "--format", "tree")
    cohort = (tmp_path / "site" / "cohorts" / "transformers.attention.html").read_text("utf-8")
    assert "side by side" in cohort
    assert not [file for file in (tmp_path / "site").rglob("*.html") if "alert(1)" in file.read_text("utf-8")]
    assert "grid[row][column]" in (
        tmp_path / "site" / "pairs" / "transformers.attention" / "1.html"
    ).read_text("utf-8")


def test_a_proof_shows_on_the_authors_page(folder, tmp_path):
    survivor = {
        "id": "x",
        "kind": "arithmetic",
        "file": "attention.py",
        "line": 7,
        "before": "a + b",
        "after": "a - b",
    }
    problem = {
        "exercise": ATTENTION,
        "reason": "this is odd",
        "file": "x.py",
        "line": 3,
        "fix": "",
        "level": "error",
    }
    exercise = {
        "id": ATTENTION,
        "checks": ["check_0"],
        "reference_seconds": 2.5,
        "proofs": [{"name": "wrong/forgets_the_scale", "seconds": 1.0, "problems": [problem]}],
        "mutation": {"graded": 9, "caught": 8, "excused": 0, "survivors": [survivor]},
    }
    file = tmp_path / "verified.json"
    file.write_text(json.dumps({"schema_version": 1, "exercises": [exercise]}))
    run(folder, "--site", tmp_path / "site", "--verified", file)
    page = (tmp_path / "site" / "exercises" / "transformers.attention.html").read_text("utf-8")
    for told in ("8 of 9", "a - b", "2.5 s", "this is odd", "forgets_the_scale", "otherwise than expected"):
        assert told in page


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"schema_version": 9, "exercises": []}', "[]"])
def test_what_is_no_proof_is_told(folder, tmp_path, text):
    file = tmp_path / "verified.json"
    file.write_text(text)
    done = run(folder, "--site", tmp_path / "site", "--verified", file, status=None)
    assert isinstance(done.exception, SpecError)
    assert "roadmark verify --json" in done.exception.hint


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param([], "give a RESULT", id="nothing"),
        pytest.param(["--site", "s"], "folder of results", id="no-results"),
        pytest.param(["{folder}"], "is a folder", id="folder-alone"),
        pytest.param(["{folder}", "--site", "s", "--gradebook", "x.db"], "not both", id="both"),
        pytest.param(["{folder}/0.json", "--site", "s"], "RESULT alone", id="site-of-one-file"),
    ],
)
def test_wrong_usage_is_told(folder, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = run(*(one.format(folder=folder) for one in arguments), status=None)
    assert told in str(done.exception)


def test_an_empty_folder_is_told(tmp_path):
    (tmp_path / "none").mkdir()
    done = run(tmp_path / "none", "--site", tmp_path / "site", status=None)
    assert "holds no results" in str(done.exception)
