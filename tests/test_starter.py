"""Starters are what the reference's markers leave, and a wrong marker is told by its line."""

import importlib.util
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from harness.catalog import HOME, Course, load_exercise
from harness.cli import main
from harness.errors import SpecError
from harness.starter import stale_starters, starter_of, write_starters

SPEC = """
title = "Sums"
summary = "Add."
entry = "sums.py"
"""
SOLUTION = '''
def total(numbers):
    """Return the sum."""
    ### BEGIN SOLUTION add them up
    return sum(numbers)
    ### END SOLUTION
'''
STARTER = '''
def total(numbers):
    """Return the sum."""
    raise NotImplementedError("add them up")
'''


@pytest.fixture
def course(tmp_path):
    for folder, name, text in (
        ("exercises/programming/sums", "exercise.toml", SPEC),
        ("reference/programming/sums/solution", "sums.py", SOLUTION),
        ("reference/programming/sums/solution", "secrets.py", "ANSWER = 42\n"),
        ("exercises", "roadmap.toml", '[[stage]]\nid = "programming"\ntitle = "P"\nsummary = "S"\n'),
    ):
        file = tmp_path / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Course(tmp_path)


@pytest.fixture
def exercise(course):
    return load_exercise(course.exercise_folder("programming/sums"))


@pytest.mark.parametrize(
    ("source", "want"),
    [
        pytest.param("x = 1\n", "x = 1\n", id="no-markers"),
        pytest.param("", "", id="empty"),
        pytest.param(SOLUTION, STARTER, id="signature-and-docstring-stay"),
        pytest.param(
            """
            def f(x):
                ### BEGIN SOLUTION
                return x
                ### END SOLUTION
            """,
            """
            def f(x):
                raise NotImplementedError("your solution goes here")
            """,
            id="a-message-of-ours-without-one",
        ),
        pytest.param(
            """
            def f(x):
                ### BEGIN SOLUTION
                '''Return x,

                and nothing else.'''
                return x
                ### END SOLUTION
            """,
            """
            def f(x):
                '''Return x,

                and nothing else.'''
                raise NotImplementedError("your solution goes here")
            """,
            id="a-docstring-within-the-solution-stays",
        ),
        pytest.param(
            """
            class Model:
                def __init__(self):
                    self.weight = 1

                def forward(self, x):
                    for item in x:
                        if item:
                            ### BEGIN SOLUTION use the weight
                            item *= self.weight
                            ### END SOLUTION
                    return x

                ### BEGIN SOLUTION methods of your own
                def _secret(self):
                    return 2

                ### END SOLUTION
            """,
            """
            class Model:
                def __init__(self):
                    self.weight = 1

                def forward(self, x):
                    for item in x:
                        if item:
                            raise NotImplementedError("use the weight")
                    return x

                # methods of your own
            """,
            id="at-its-indentation-and-a-comment-in-a-class",
        ),
        pytest.param(
            """
            import math

            ### BEGIN SOLUTION
            def helper():
                return 1
            ### END SOLUTION


            async def f():
                ### BEGIN SOLUTION
                return 1
                ### END SOLUTION
            """,
            """
            import math


            async def f():
                raise NotImplementedError("your solution goes here")
            """,
            id="nothing-is-raised-at-import",
        ),
        pytest.param(
            """
            def outer():
                def inner():
                    return 1

                ### BEGIN SOLUTION first
                a = 1
                ### END SOLUTION
                b = 2
                ### BEGIN SOLUTION second
                return a + b
                ### END SOLUTION
            """,
            """
            def outer():
                def inner():
                    return 1

                raise NotImplementedError("first")
                b = 2
                raise NotImplementedError("second")
            """,
            id="two-in-one-function",
        ),
        pytest.param(
            """
            def f():
                '''Speaks of
                ### BEGIN SOLUTION
                and its end.'''
                return "### END SOLUTION"  # the solution is trivial
            """,
            None,
            id="markers-in-text-are-text",
        ),
        pytest.param(
            'def f():\n    ### BEGIN SOLUTION say "no" \\ é\n    return 1\n    ### END SOLUTION\n',
            'def f():\n    raise NotImplementedError("say \\"no\\" \\\\ é")\n',
            id="quotes-in-the-message",
        ),
        pytest.param(
            "def f():\r\n    ### BEGIN SOLUTION x\r\n    return 1\r\n    ### END SOLUTION\r\n\r\ny = 1\r\n",
            'def f():\r\n    raise NotImplementedError("x")\r\n\r\ny = 1\r\n',
            id="crlf",
        ),
        pytest.param(
            "a = '\x0c\u2028'\n\n\ndef f():\n\t### BEGIN SOLUTION x\n\treturn 1\n\t### END SOLUTION",
            "a = '\x0c\u2028'\n\n\ndef f():\n\traise NotImplementedError(\"x\")\n",
            id="form-feeds-and-tabs-and-no-last-newline",
        ),
    ],
)
def test_starter_of_leaves(source, want):
    source = dedent(source)
    assert starter_of(source) == (source if want is None else dedent(want))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param(
            "def f():\n    ### BEGIN SOLUTION\n    pass\n", "line 2: ### BEGIN SOLUTION has no", id="no-end"
        ),
        pytest.param("x = 1\n### END SOLUTION\n", "line 2: ### END SOLUTION without", id="no-begin"),
        pytest.param(
            "def f():\n    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION\n    ### END SOLUTION\n",
            "line 3: ### BEGIN SOLUTION within the solution that begins at line 2",
            id="nested",
        ),
        pytest.param(
            "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n### END SOLUTION\n", "line 4", id="two-ends"
        ),
        pytest.param(
            "x = 1\n# begin solution\ny = 1\n", "line 2: '# begin solution' is no marker", id="misspelt"
        ),
        pytest.param("### BEGIN SOLUTIONS\n### END SOLUTION\n", "line 2", id="only-the-begin-misspelt"),
        pytest.param(
            "x = 1  ### BEGIN SOLUTION\n### END SOLUTION\n",
            "line 1: .* on a line of its own",
            id="beside-code",
        ),
        pytest.param(
            "def f():\n    ### BEGIN SOLUTION\n    pass\n### END SOLUTION\n",
            "line 4: .*indented",
            id="other-indentation",
        ),
        pytest.param(
            "class A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n",
            "line 2: without",
            id="an-empty-class",
        ),
        pytest.param("def f(:\n", "line 1", id="not-python"),
    ],
)
def test_a_wrong_marker_is_told_by_its_line(source, told):
    with pytest.raises(SpecError, match=told):
        starter_of(source)


def test_starters_are_written_stale_and_current(course, exercise):
    file = course.exercise_folder("programming/sums") / "starter" / "sums.py"
    assert stale_starters(course, exercise) == [file]
    assert write_starters(course, exercise) == [file]
    assert file.read_text(encoding="utf-8") == STARTER
    assert stale_starters(course, exercise) == []
    assert [path.name for path in file.parent.iterdir()] == ["sums.py"], "files without markers stay secret"
    file.write_text(STARTER + "\n", encoding="utf-8")
    assert stale_starters(course, exercise) == [file]


def test_every_marked_file_has_a_starter(course, exercise):
    more = course.reference_folder("programming/sums") / "solution" / "parts" / "more.py"
    more.parent.mkdir()
    more.write_text(SOLUTION, encoding="utf-8")
    written = write_starters(course, exercise)
    folder = course.exercise_folder("programming/sums") / "starter"
    assert sorted(written) == [folder / "parts" / "more.py", folder / "sums.py"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(None, "sums.py does not exist", id="no-reference"),
        pytest.param(b"x = 1\n", "has no ### BEGIN SOLUTION", id="no-marker"),
        pytest.param(
            b"### BEGIN SOLUTION\n", r"sums.py: line 1: ### BEGIN SOLUTION has no", id="wrong-marker"
        ),
        pytest.param(b"x = '\xff'\n", "is not UTF-8", id="not-utf-8"),
    ],
)
def test_a_reference_without_a_starter_is_told(course, exercise, data, told):
    entry = course.reference_folder("programming/sums") / "solution" / "sums.py"
    entry.unlink()
    if data is not None:
        entry.write_bytes(data)
    with pytest.raises(SpecError, match=told):
        write_starters(course, exercise)
    with pytest.raises(SpecError, match=told):
        stale_starters(course, exercise)
    assert not (course.exercise_folder("programming/sums") / "starter").exists()


def test_the_command_says_what_it_wrote(course):
    command = ["--course", str(course.root), "starter", "sums"]
    first, second = (CliRunner().invoke(main, command) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert "sums.py: written" in first.output
    assert "sums.py: unchanged" in second.output


def test_the_command_tells_an_authors_mistake(course):
    entry = course.reference_folder("programming/sums") / "solution" / "sums.py"
    entry.write_text("### END SOLUTION\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["--course", str(course.root), "starter", "sums"])
    assert result.exit_code == 2
    assert "sums.py: line 1: ### END SOLUTION without" in result.output


ENTRIES = [
    load_exercise(spec.parent)
    for spec in sorted((HOME / "exercises").glob("*/*/exercise.toml"))
    if (HOME / "reference" / spec.parent.parent.name / spec.parent.name / "solution").exists()
]


@pytest.mark.parametrize("known", ENTRIES, ids=lambda exercise: exercise.id)
def test_the_courses_starters_are_current_and_can_be_imported(known, monkeypatch):
    assert stale_starters(Course(HOME), known) == []
    folder: Path = HOME / "exercises" / known.id / "starter"
    monkeypatch.syspath_prepend(folder)  # a package imports its own modules
    spec = importlib.util.spec_from_file_location("starter", folder / known.entry)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    finally:
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
