"""What is not asked for is not imported: torch costs a second on each side of the wall."""

import subprocess
import sys
import textwrap

from tests.small_course import NAME, add_check, replace, small_course, solution_of, spec_of

GRADE = """
import sys
from harness.catalog import Course
from harness.grade import Options, grade
from harness.intake import read_submission
from pathlib import Path

course = Course(Path(sys.argv[1]))
exercise = course.find(sys.argv[2])
submission = read_submission(course.reference_folder(exercise.id) / "solution", exercise)
result = grade(course, exercise, submission, Options(sandbox="process"))
print([check.message for check in result.checks if check.outcome != "passed"], "torch" in sys.modules)
"""
BODY = """
import sys
libraries = {"torch", "scipy", "sklearn", "torchmetrics"}
ours, theirs = libraries & set(sys.modules), libraries & set(submission.modules())
if ours or theirs:
    wrong(f"imported here {ours} and inside {theirs}")
"""


def test_an_exercise_of_numpy_imports_no_torch_on_either_side(tmp_path):
    course = small_course(tmp_path / "course")
    assert 'preload = ["numpy"]' in spec_of(course).read_text()
    file = solution_of(course)
    file.write_text(file.read_text() + "\n\ndef modules():\n    import sys\n    return list(sys.modules)\n")
    add_check(course, NAME, textwrap.dedent(BODY).strip())
    replace(
        course.grader_folder(NAME) / "public.py",
        "import assert_close, check",
        "import assert_close, check, wrong",
    )
    done = subprocess.run(
        [sys.executable, "-c", GRADE, str(course.root), NAME], capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "[] False\n", done.stderr
