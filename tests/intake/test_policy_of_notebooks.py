"""A notebook's code stands before the same policies as a file's."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from harness.catalog import load_exercise
from harness.grade import Options, grade
from harness.intake.notebook import as_module, cells_of
from harness.intake.read import read_submission
from harness.policy import foreign_code, ready_made

GRADER = '''
    from harness.policy import foreign_code

    @check(points=1)
    def test_uses_numpy_alone(submission, source):
        """Nothing but NumPy is used"""
        submission["double"]
        if places := foreign_code(source, "small.py", ["numpy"]):
            wrong("; ".join(places), reason="forbidden")
'''


def module(*cells):
    notebook = nbformat.writes(new_notebook(cells=[new_code_cell(text) for text in cells]))
    return as_module(cells_of(notebook.encode(), "a.ipynb"))


@pytest.mark.parametrize(
    ("cells", "places"),
    [
        pytest.param(["import numpy as np", "np.ones(3)"], 0, id="allowed"),
        pytest.param(["import numpy as np\nimport scipy"], 1, id="in-a-cell"),
        pytest.param(["%%time\nimport scipy"], 1, id="in-the-body-of-a-magic"),
        pytest.param(["%time import scipy"], 1, id="on-the-line-of-a-magic"),
        pytest.param(["%matplotlib inline\n!pip install scipy"], 0, id="what-is-not-run"),
        pytest.param(["def (:", "import scipy"], 1, id="beside-a-cell-that-cannot-be-parsed"),
        pytest.param(["get_ipython().run_cell_magic('time', '', 'import ' + 'scipy')"], 1, id="hidden"),
        pytest.param(["%time x = (", "import scipy"], 1, id="beside-a-magic-that-cannot-be-parsed"),
        pytest.param(["%time x = (\nimport scipy"], 1, id="below-a-magic-that-cannot-be-parsed"),
        pytest.param(["_ = " + "1+" * 2000 + "1\n%time 1\nimport scipy"], 2, id="too-deep"),
        pytest.param(["# get_ipython\n" + "x = 1\n" * 200_000 + "import scipy"], 1, id="too-long"),
        pytest.param(["run = get_ipython().run_line_magic"], 1, id="handed-around"),
    ],
)
def test_what_a_notebook_uses_is_seen(cells, places):
    assert len(foreign_code({"small.py": module(*cells)}, "small.py", ["numpy"])) == places


def test_names_reach_from_cell_to_cell():
    text = module("import torch.nn.functional as F", "%%time\ny = F.softmax(x)")
    (place,) = ready_made({"small.py": text}, "small.py", ["torch.*softmax"])
    assert "torch.nn.functional.softmax" in place


@pytest.mark.parametrize(
    ("extra", "outcome"), [("", "passed"), ("import statistics", "failed")], ids=["honest", "foreign"]
)
def test_a_graders_policy_reads_a_notebook(small_course, tmp_path, extra, outcome):
    course = small_course(GRADER)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    cells = [
        new_code_cell("import numpy as np"),
        new_code_cell(extra),
        new_code_cell("def double(x): return 2 * x"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "mine.ipynb")
    submission = read_submission(tmp_path / "mine.ipynb", exercise)
    result = grade(course, exercise, submission, Options(sandbox="process"))
    assert [str(check.outcome) for check in result.checks] == [outcome], result.checks[0].message
