"""Notebooks are graded by what their cells define, whatever their metadata; errors name cell and line."""

import json

import pytest

from harness.catalog import load_exercise
from harness.errors import SubmissionError
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.records import Exercise
from tests.conftest import SPEC, outcomes

EXERCISE = Exercise(id="stage/small", title="", summary="", entry="small.py")
GRADER = '''
    @check(points=1)
    def test_adds(submission):
        """add(a, b) adds"""
        assert submission.add(1, 2) == 3

    @check(points=1)
    def test_doubles(submission):
        """double(x) doubles"""
        assert submission.double(2) == 4
'''


def notebook(*cells, **more):
    made = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
        if isinstance(cell, str)
        else cell
        for cell in cells
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made, **more}


@pytest.fixture
def graded_notebook(small_course, tmp_path):
    def run(tree, sandbox="process", name="homework (1).ipynb"):
        course = small_course(GRADER)
        exercise = load_exercise(course.exercise_folder("stage/small"))
        file = tmp_path / name
        file.write_text(tree if isinstance(tree, str) else json.dumps(tree))
        return grade(course, exercise, read_submission(file, exercise), Options(sandbox=sandbox))

    return run


ADD, DOUBLE = "def add(a, b):\n    return a + b", "def double(x):\n    return add(x, x)"
MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": "# Text\n<script>alert(1)</script>"}
RIGHT = {
    "plain": notebook(ADD, DOUBLE),
    "with-text": notebook(MARKDOWN, ADD, MARKDOWN, DOUBLE),
    "source-as-lines": notebook([line + "\n" for line in ADD.splitlines()], DOUBLE)
    | {
        "cells": notebook(
            *[{"cell_type": "code", "metadata": {}, "outputs": [], "source": [ADD + "\n", DOUBLE]}]
        )["cells"]
    },
    "no-metadata": {"cells": [{"cell_type": "code", "source": ADD}, {"cell_type": "code", "source": DOUBLE}]},
    "format-3": {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "language": "python", "input": [ADD], "outputs": [], "metadata": {}}
                ]
            },
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": [DOUBLE],
                        "outputs": [],
                        "metadata": {},
                    }
                ]
            },
        ],
    },
    "harmless-magics": notebook(
        "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n" + ADD, "%%time\n" + DOUBLE
    ),
    "pip-install": notebook("!pip install numpy\n%pip install torch\nfiles = !ls\n" + ADD, DOUBLE),
    "help": notebook("len?", ADD, DOUBLE),
    "stderr-and-warnings": notebook(
        "import sys, warnings\nwarnings.warn('old')\nprint('x', file=sys.stderr)\n" + ADD, DOUBLE
    ),
    "shell-cell": notebook("%%bash\nrm -rf /", ADD, DOUBLE),
    "display": notebook("display('hello')", ADD, DOUBLE),
    "duplicate-ids": notebook(
        *[{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": s} for s in (ADD, DOUBLE)]
    ),
    "hostile-metadata": notebook(
        ADD, DOUBLE, metadata={"kernelspec": {"language": "python"}, "nbgrader": {"points": 1e9}}
    ),
    "modulo-is-no-magic": notebook("x = (7\n     % 4)\ntext = '''\n%magic in a text\n'''\n" + ADD, DOUBLE),
    "guarded-main": notebook(ADD, DOUBLE, "if __name__ == '__main__':\n    while True: pass"),
    "tagged-to-be-skipped": notebook(
        ADD,
        DOUBLE,
        {"cell_type": "code", "metadata": {"tags": ["skip"]}, "outputs": [], "source": "while True: pass"},
    ),
}


@pytest.mark.parametrize("tree", RIGHT.values(), ids=RIGHT)
def test_a_right_notebook_earns_everything(graded_notebook, tree):
    result = graded_notebook(tree)
    assert outcomes(result) == {"adds": "passed", "doubles": "passed"}, result.checks


@pytest.mark.docker
def test_a_notebook_in_docker(graded_notebook, no_leftovers):
    assert graded_notebook(RIGHT["harmless-magics"], "docker").score.passed


def test_a_cell_that_raises_is_named_and_the_next_still_counts(graded_notebook):
    result = graded_notebook(notebook(ADD, "x = 1\nprint(undefined)\n", DOUBLE))
    assert result.score.passed
    assert any(
        "Cell 2 raised NameError" in notice and "cell 2, line 2" in notice for notice in result.notices
    )


def test_a_name_that_a_broken_cell_should_define_points_there(graded_notebook):
    result = graded_notebook(notebook(ADD, "1 / 0\n" + DOUBLE))
    assert outcomes(result) == {"adds": "passed", "doubles": "crashed"}
    assert "Cell 2 raised ZeroDivisionError" in result.checks[1].message


def test_an_error_in_a_call_points_at_cell_and_line(graded_notebook):
    result = graded_notebook(notebook("y = 0", "def add(a, b):\n    c = a\n    return c.nothing"))
    assert "cell 2, line 3, in add" in result.checks[0].message
    assert "return c.nothing" in result.checks[0].message


def test_a_syntax_error_costs_its_cell_only(graded_notebook):
    result = graded_notebook(notebook(ADD, "def double(x:\n    return 2 * x"))
    assert outcomes(result) == {"adds": "passed", "doubles": "crashed"}
    assert "cell 2, line 1" in result.checks[1].message


def test_what_is_left_out_is_told(tmp_path):
    file = tmp_path / "small.ipynb"
    file.write_text(
        json.dumps(
            notebook(
                "%matplotlib inline\nx = 1",
                "!pip install numpy\nfiles = !ls -l\n%pip install torch\n%time y = 2",
                "%%bash\nrm -rf /",
                'text = "get_ipython().system"',
            )
        )
    )
    assert read_submission(file, EXERCISE).notices == (
        "Cell 2: `!pip install numpy` was left out: there is no shell and no network.",
        "Cell 2: `!ls -l` was left out: there is no shell and no network.",
        "Cell 2: `%pip` was left out: this magic is not known here.",
        "Cell 3: `%%bash` was left out: this magic is not known here.",
    )


LOADED = '''
    @check(points=1)
    def test_loads_little(submission):
        """Neither Jupyter nor IPython is loaded for cells alone"""
        loaded = submission.loaded()
        assert loaded == [], loaded
'''


def test_cells_run_without_jupyter(small_course, tmp_path):
    """It would take a second to start, and outputs are not asked for."""
    source = """%matplotlib inline
import sys
def loaded():
    return [name for name in ("IPython", "ipykernel", "jupyter_client", "nbclient", "nbformat") if name in sys.modules]
"""
    course = small_course(LOADED)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    (tmp_path / "small.ipynb").write_text(json.dumps(notebook(source)))
    result = grade(
        course, exercise, read_submission(tmp_path / "small.ipynb", exercise), Options(sandbox="process")
    )
    assert result.score.passed, result.checks
    assert result.notebook == ""


REFUSED = {
    "not-json": ("{", "line 1, column 2"),
    "nan": (json.dumps(notebook(ADD)).replace("null", "NaN"), "NaN is not JSON"),
    "trailing-comma": ('{"cells": [],}', "line 1"),
    "no-cells": ("{}", "has no cells"),
    "another-language": (
        json.dumps(notebook("x", metadata={"kernelspec": {"language": "R"}})),
        "not for Python",
    ),
    "empty": (json.dumps(notebook("", MARKDOWN)), "nothing is implemented"),
    "list": ("[]", "has no cells"),
    "deep": ("[" * 100_000, "not a notebook"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_notebook_is_refused_in_words(graded_notebook, text, words):
    with pytest.raises(SubmissionError, match=words):
        graded_notebook(text)


SLOW = {
    "blank-lines": "\n" * 200_000 + "a = 1",
    "assignments": "x = 1\n" * 100_000,
    "magics": "%time 1\n" * 20_000,
    "one-magic-and-much-else": "%time 1\n" + "x = 1\n" * 600_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("cell", SLOW.values(), ids=SLOW)
def test_a_cell_made_to_be_slow_is_read_at_once(tmp_path, cell):
    (tmp_path / "slow.ipynb").write_text(json.dumps(notebook(cell)))
    assert read_submission(tmp_path / "slow.ipynb", EXERCISE).cells[0].source == cell


def test_outputs_are_dropped_unread(graded_notebook):
    outputs = [{"output_type": "display_data", "data": {"image/png": "A" * (1 << 22)}, "metadata": 3}]
    cell = {"cell_type": "code", "metadata": {}, "source": ADD + "\n" + DOUBLE, "outputs": outputs}
    assert graded_notebook(notebook(cell)).score.passed


REPORT = '''
    @check(points=1)
    def test_ran(submission):
        """The notebook runs and shows its result"""
        texts = [o.get("text", "") for c in submission.executed().cells for o in c.get("outputs", [])]
        assert any("the answer is 42" in text for text in texts)
'''


def test_a_lab_report_is_run_with_its_outputs_and_rendered_without_scripts(
    small_course, tmp_path, sandbox_name
):
    from reports import notebook_page

    spec = SPEC.replace("call_seconds = 2.0", "call_seconds = 60.0").replace(
        "memory_mb = 512", "memory_mb = 1024"
    )
    course = small_course(REPORT, spec=spec)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    cells = (
        MARKDOWN,
        "print('the answer is', 42)",
        "from IPython.display import HTML, Javascript\nHTML('<script>alert(2)</script>')",
        "Javascript('alert(3)')",
        "1 / 0",
    )
    (tmp_path / "small.ipynb").write_text(json.dumps(notebook(*cells)))
    result = grade(
        course, exercise, read_submission(tmp_path / "small.ipynb", exercise), Options(sandbox=sandbox_name)
    )
    assert outcomes(result) == {"ran": "passed"}, result.checks
    page = notebook_page(result.notebook, "Lab report")
    assert "the answer is 42" in page
    assert "ZeroDivisionError" in page
    assert "<script" not in page.lower()
    assert "Javascript object" in page


FILES = '''
    @check(points=1)
    def test_command(submission):
        """The command writes what it should"""
        ran = submission.run("--steps", "3")
        assert (ran.status, ran.output) == (0, "did 3 steps\\n")
        assert submission.artefact("report.md").startswith("# Report")
        assert submission.artefact("scores.json") == {"loss": [3, 2, 1]}
        assert submission.artefact("table.csv") == [["a", "b"], ["1", "2"]]
        assert submission.artefact("samples.npy").shape == (2, 3)

    @check(points=1)
    def test_missing(submission):
        """What is not written is said"""
        submission.artefact("missing.txt")

    @check(points=1)
    def test_large(submission):
        """What is too large is said"""
        submission.artefact("large.txt")

    @check(points=1)
    def test_objects(submission):
        """Arrays of objects are not read"""
        submission.artefact("objects.npy")

    @check(points=1)
    def test_link(submission):
        """Links are not followed"""
        submission.artefact("link.txt")
'''
MAIN = """
import json, sys
from pathlib import Path
import numpy as np
if __name__ == "__main__":
    print("did", sys.argv[2], "steps")
    Path("report.md").write_text("# Report\\n")
    Path("scores.json").write_text(json.dumps({"loss": [3, 2, 1]}))
    Path("table.csv").write_text("a,b\\n1,2\\n")
    np.save("samples.npy", np.zeros((2, 3)))
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    Path("large.txt").write_text("x" * 3000)
    Path("link.txt").symlink_to("/etc/passwd")
"""
ARTEFACTS = "".join(
    f'[[artefacts]]\npath = "{path}"\nkind = "{kind}"\nmax_kb = 2\n'
    for path, kind in [
        ("report.md", "text"),
        ("scores.json", "json"),
        ("table.csv", "csv"),
        ("samples.npy", "npy"),
        ("missing.txt", "text"),
        ("large.txt", "text"),
        ("objects.npy", "npy"),
        ("link.txt", "text"),
    ]
)


def test_a_project_s_command_and_artefacts(small_course, graded, sandbox_name):
    spec = (
        SPEC.replace('entry = "small.py"', 'entry = "small.py"\ncommand = ["python", "small.py"]') + ARTEFACTS
    )
    spec = spec.replace("call_seconds = 2.0", "call_seconds = 20.0")
    result = graded(small_course(FILES, spec=spec), MAIN, sandbox=sandbox_name)
    assert outcomes(result) == {
        "command": "passed",
        "missing": "crashed",
        "large": "crashed",
        "objects": "crashed",
        "link": "crashed",
    }, result.checks
    assert "larger than the 2 KiB" in result.checks[2].message


def test_an_entry_in_a_package_is_imported_as_part_of_it(small_course, tmp_path):
    course = small_course(GRADER, spec=SPEC.replace('entry = "small.py"', 'entry = "lab/main.py"'))
    exercise = load_exercise(course.exercise_folder("stage/small"))
    for name, text in {
        "handed/lab/__init__.py": "",
        "handed/lab/main.py": "from .sums import add\nfrom lab.sums import double\n",
        "handed/lab/sums.py": f"{ADD}\n{DOUBLE}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    result = grade(
        course, exercise, read_submission(tmp_path / "handed", exercise), Options(sandbox="process")
    )
    assert result.score.passed, result.checks
