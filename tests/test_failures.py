"""Words for every way a submission can end, clean of whatever a terminal or a page would obey."""

import signal
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.failures import LearnerFailure, described, died, missing, plain, raised_cells, unsendable
from harness.inside.failures import FRAMES_CAP, TEXT_CAP, describe
from harness.records import Limits
from harness.sandbox.protocol import Ending, Stopped

# ---- clean text ------------------------------------------------------------------------------

CLEANED = {
    "plain": ("loss 0.5\n\tdone", "loss 0.5\n\tdone"),
    "colour": ("\x1b[1;31mred\x1b[0m", "red"),
    "cursor": ("a\x1b[2J\x1b[3;4Hb", "ab"),
    "title": ("\x1b]0;owned\x07after", "after"),
    "link": ("\x1b]8;;http://example.org\x1b\\click\x1b]8;;\x1b\\", "click"),
    "clipboard": ("\x1b]52;c;cm0gLXJm\x07x", "x"),
    "unfinished": ("a\x1b]0;no end", "a"),
    "made-by-removal": ("\x1b\x1b[0m[31mred", "\ufffd[31mred"),
    "single-escapes": ("a\x1bMb\x1bcd", "ab\ufffdcd"),
    "c1": ("a\x9b31mb\x85c", "a\ufffd31mb\ufffdc"),
    "bell-and-backspace": ("a\x07\x08b", "a\ufffd\ufffdb"),
    "nul": ("a\x00b", "a\ufffdb"),
    "direction": ("\u202egpj.exe\u2066\u200f\u061c", "\ufffdgpj.exe\ufffd\ufffd\ufffd"),
    "half-a-character": ("\ud800a\udfff", "\ufffda\ufffd"),
    "windows-lines": ("a\r\nb\r\n", "a\nb\n"),
    "doubled-returns": ("a\r\r\nb", "a\nb"),
    "progress-bar": ("10%\r50%\r100%\nnext", "100%\nnext"),
    "progress-bar-that-goes-on": ("10%\r50%\r", "50%"),
    "progress-bar-of-colours": ("\x1b[31m10%\r\x1b[32m100%\x1b[0m", "100%"),
    "other-scripts": ("größe 大きさ 🙂", "größe 大きさ 🙂"),
    "number": (12, "12"),
    "none": (None, "None"),
}


@pytest.mark.parametrize(("text", "want"), CLEANED.values(), ids=CLEANED)
def test_text_is_cleaned(text, want):
    assert plain(text) == want


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=()) | st.sampled_from("\x1b[]0;m\r\n\x9b\u202e"), max_size=60)
)
def test_nothing_but_text_is_left(text):
    clean = plain(text)
    assert plain(clean) == clean
    assert "\x1b" not in clean
    assert "\r" not in clean
    clean.encode()


def test_long_text_is_cut_and_says_so():
    assert plain("x" * 10, 10) == "x" * 10
    assert plain("x" * 11, 10) == "x" * 10 + "… (cut)"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2_000_000,
        "\r" * 2_000_000,
        "x\r" * 1_000_000,
        "\x1b" * 2_000_000,
        "\x1b[" * 1_000_000,
        "\x1b]" * 1_000_000,
    ],
    ids=["one-line", "returns", "a-bar", "escapes", "sequences", "titles"],
)
def test_cleaning_takes_time_in_proportion(text):
    began = time.thread_time()
    plain(text, 1000)
    assert time.thread_time() - began < 3


# ---- exceptions ------------------------------------------------------------------------------

FRAME = {"file": "small.py", "line": 3, "function": "f", "source": "return 1 / 0"}
DESCRIBED = {
    "golden": (
        {"type": "ZeroDivisionError", "message": "division by zero", "frames": [FRAME]},
        "exception",
        "ZeroDivisionError: division by zero\n  small.py, line 3, in f\n    return 1 / 0",
    ),
    "two-frames": (
        {
            "type": "ValueError",
            "message": "",
            "frames": [{**FRAME, "function": "<module>"}, {**FRAME, "source": ""}],
        },
        "exception",
        "ValueError\n  small.py, line 3\n    return 1 / 0\n  small.py, line 3, in f",
    ),
    "syntax": (
        {
            "type": "SyntaxError",
            "message": "'(' was never closed (line 1)",
            "frames": [{"file": "small.py", "line": 1, "function": "", "source": "def f(a, b:", "column": 6}],
        },
        "exception",
        "SyntaxError: '(' was never closed (line 1)\n  small.py, line 1\n    def f(a, b:\n         ^",
    ),
    "starter": (
        {"type": "NotImplementedError", "message": "", "frames": []},
        "exception",
        "NotImplementedError\nThis part of the starter is not written yet.",
    ),
    "input": (
        {"type": "EOFError", "message": "EOF when reading a line"},
        "exception",
        "EOFError: EOF when reading a line\nThe program asked for input; nobody is there to type it. Take input as arguments.",
    ),
    "memory": (
        {"type": "MemoryError", "message": ""},
        "memory",
        "MemoryError\nIt asked for more memory than the exercise allows.",
    ),
    "exit": (
        {"type": "SystemExit", "message": "0"},
        "exit",
        "SystemExit: 0\nIt called exit(); return the answer instead.",
    ),
    "package": (
        {"type": "ModuleNotFoundError", "message": "No module named 'jax'"},
        "exception",
        "ModuleNotFoundError: No module named 'jax'\nIt is not installed, and there is no network. There are numpy, scipy, pandas,"
        " scikit-learn, matplotlib, pillow, torch, safetensors, fastapi, uvicorn, and the standard library.",
    ),
    "file": (
        {"type": "PermissionError", "message": "[Errno 13] Permission denied: '/etc/shadow'"},
        "exception",
        "PermissionError: [Errno 13] Permission denied: '/etc/shadow'\nOnly the working folder and /tmp can be written, and little is permitted besides.",
    ),
    "escapes": (
        {"type": "\x1b[31mE", "message": "\u202eno\x07", "frames": [{"file": "a\x1b[0m.py", "line": 1}]},
        "exception",
        "E: \ufffdno\ufffd\n  a.py, line 1",
    ),
    "nothing": ({}, "exception", "Exception"),
    "no-shape": ("passed", "exception", "Exception"),
    "wrong-types": (
        {"type": [1], "message": {"a": 1}, "frames": [{"file": [], "line": None}]},
        "exception",
        "?: ?\n  ?, line ?",
    ),
}


@pytest.mark.parametrize(("error", "reason", "words"), DESCRIBED.values(), ids=DESCRIBED)
def test_words_for_an_exception(error, reason, words):
    failure = described(error)
    assert (failure.reason, str(failure)) == (reason, words)


BRIEF = {
    "built-in": (
        {"type": "ValueError", "message": "saw 31337", "frames": [FRAME]},
        "ValueError (small.py, line 3)",
    ),
    "of-a-cell": (
        {"type": "KeyError", "message": "31337", "frames": [{"file": "cell 3", "line": 2}]},
        "KeyError (cell 3, line 2)",
    ),
    "own-class": ({"type": "Saw31337", "message": "", "frames": [FRAME]}, "An exception (small.py, line 3)"),
    "own-file": ({"type": "ValueError", "frames": [{**FRAME, "file": "saw 31337"}]}, "ValueError"),
    "own-line": ({"type": "ValueError", "frames": [{**FRAME, "line": "31337"}]}, "ValueError"),
    "huge-line": ({"type": "ValueError", "frames": [{**FRAME, "line": 31337 << 20}]}, "ValueError"),
    "own-function": (
        {"type": "ValueError", "frames": [{**FRAME, "function": "saw31337"}]},
        "ValueError (small.py, line 3)",
    ),
}


@pytest.mark.parametrize(("error", "brief"), BRIEF.values(), ids=BRIEF)
def test_where_inputs_are_secret_nothing_of_theirs_is_said(error, brief):
    """A submission chooses its classes, files and functions, and could name them after what it was asked."""
    assert described(error, {"small.py"}).brief == brief


def test_other_failures_are_brief_too():
    assert unsendable("a Saw31337 is one too many").brief == "The answer cannot be read."
    assert str(unsendable("a Box is one too many")) == "The answer cannot be read: a Box is one too many."
    assert (
        missing({"missing": "", "name": "f", "near": ["saw31337"]}, "small.py").brief
        == "small.py has no 'f'."
    )


MISSING = {
    "one-near": ({"missing": "", "name": "f", "near": ["g"]}, "small.py has no 'f'. Did you mean 'g'?"),
    "several-near": (
        {"missing": "", "name": "f", "near": ["g", "h", "i", "j"]},
        "small.py has no 'f'. Did you mean 'g' or 'h' or 'i'?",
    ),
    "none-near": ({"missing": "", "name": "f", "near": []}, "small.py has no 'f'."),
    "object": ({"missing": "Box", "name": "f", "near": []}, "the Box object has no 'f'."),
    "nothing": ({"missing": None}, "small.py has no the name the exercise asks for."),
    "near-number": ({"missing": "", "name": "f", "near": 5}, "small.py has no 'f'."),
}


@pytest.mark.parametrize(("header", "words"), MISSING.values(), ids=MISSING)
def test_words_for_a_missing_name(header, words):
    failure = missing(header, "small.py")
    assert (failure.reason, str(failure)) == ("missing", words)


@pytest.mark.parametrize("answer", [None, 3, "x", {}, [1, None, "a"]], ids=repr)
def test_cells_of_no_shape_raised_nothing(answer):
    assert raised_cells(answer) == ()


# ---- ends of the process ---------------------------------------------------------------------

LIMITS = Limits(log_kb=64, memory_mb=512)
DIED = {
    "timeout": ("timeout", Ending(), "timeout", "No answer within 2 s. Is there an endless loop?"),
    "timeout-before-memory": (
        "timeout",
        Ending(out_of_memory=True),
        "timeout",
        "No answer within 2 s. Is there an endless loop?",
    ),
    "output": ("output", Ending(), "output", "It printed more than 64 KiB. Print less."),
    "protocol": (
        "protocol",
        Ending(),
        "protocol",
        "Its process was ended: whatever.",
    ),
    "memory": (
        "died",
        Ending(exit_code=137, out_of_memory=True),
        "memory",
        "It used more than the 512 MiB of memory that are allowed.",
    ),
    "exit-0": (
        "died",
        Ending(exit_code=0),
        "exit",
        "Its process ended in mid-call, with exit code 0. Return the answer instead.",
    ),
    "killed": ("died", Ending(exit_code=137), "exit", "Its process ended in mid-call: kill (exit code 137)."),
    "killed-by-signal": (
        "died",
        Ending(exit_code=-signal.SIGKILL),
        "exit",
        "Its process ended in mid-call: kill (exit code 137).",
    ),
    "segfault": (
        "died",
        Ending(exit_code=-signal.SIGSEGV),
        "exit",
        "Its process ended in mid-call: segmentation fault (exit code 139).",
    ),
    "abort": ("died", Ending(exit_code=134), "exit", "Its process ended in mid-call: abort (exit code 134)."),
    "still-running": (
        "died",
        Ending(exit_code=None),
        "exit",
        "It closed the stream that carries answers. Leave open what you did not open.",
    ),
}


@pytest.mark.parametrize(("stopped", "ending", "reason", "words"), DIED.values(), ids=DIED)
def test_words_for_an_end(stopped, ending, reason, words):
    failure = died(Stopped(stopped, "whatever"), ending, LIMITS, 2.0)
    assert (failure.reason, str(failure)) == (reason, words)


@pytest.mark.parametrize(("reason", "more"), [("exception", False), ("timeout", True)])
def test_words_for_an_import(reason, more):
    failure = LearnerFailure(reason, "Words.").at_import("small.py")
    assert failure.reason == "import"
    assert str(failure).startswith("small.py could not be imported. Words.")
    assert ("__main__" in str(failure)) == more


# ---- inside: describing what a learner raised ------------------------------------------------


def raised(source: str, root) -> dict:
    """Return how an exception is described that a file of the submission raises."""
    file = root / "small.py"
    file.write_text(source)
    try:
        exec(compile(source, str(file), "exec"), {"__name__": "small"})
    except BaseException as error:
        return describe(error, root)
    raise AssertionError("nothing was raised")


def test_only_frames_of_the_submission_are_told(tmp_path):
    told = raised("import json\ndef f():\n    json.loads('{')\nf()\n", tmp_path)
    assert told["type"] == "JSONDecodeError"
    assert [
        (frame["file"], frame["line"], frame["function"], frame["source"]) for frame in told["frames"]
    ] == [
        ("small.py", 4, "<module>", "f()"),
        ("small.py", 3, "f", "json.loads('{')"),
    ]


def test_a_deep_traceback_is_cut_to_its_end(tmp_path):
    told = raised("def f(n):\n    if n == 0:\n        raise ValueError(n)\n    f(n - 1)\nf(500)\n", tmp_path)
    assert len(told["frames"]) == FRAMES_CAP
    assert told["frames"][-1]["line"] == 3


def test_a_syntax_error_has_its_place(tmp_path):
    told = raised("x = 1\ny = (\n", tmp_path)
    assert told["message"] == "'(' was never closed (line 2)"
    assert told["frames"][-1] == {
        "file": "small.py",
        "line": 2,
        "function": "",
        "source": "y = (",
        "column": 5,
    }


TRAPS = {
    "str-raises": "class E(Exception):\n    def __str__(self): raise KeyError\nraise E",
    "str-exits": "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
    "str-is-huge": "raise ValueError('x' * 10**8)",
    "str-is-no-text": "class E(Exception):\n    def __str__(self): return 5\nraise E",
    "str-is-sly": "class S(str):\n    def __str__(self): raise KeyError\n    def __len__(self): return 0\nclass E(Exception):\n    def __str__(self): return S('x' * 10**6)\nraise E",
    "str-recurses": "class E(Exception):\n    def __str__(self): return str(self)\nraise E",
    "name-is-huge": "raise type('E' * 10**6, (Exception,), {})",
    "name-raises": "class M(type):\n    @property\n    def __name__(cls): raise KeyError\nclass E(Exception, metaclass=M): pass\nraise E",
    "syntax-of-other-types": "e = SyntaxError('m')\ne.lineno = 'three'\ne.filename = 5\ne.text = []\nraise e",
    "syntax-message-raises": "class B:\n    def __format__(self, spec): raise KeyError\n    __str__ = __repr__ = None\ne = SyntaxError('m')\ne.msg = B()\nraise e",
    "syntax-attributes-raise": "class E(SyntaxError):\n    filename = property(lambda self: 1 / 0)\nraise E",
    "attribute-name-raises": "class E(AttributeError):\n    name = property(lambda self: 1 / 0)\nraise E",
    "group": "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
    "half-a-character": "raise ValueError('\\ud800')",
    "base-exception": "raise BaseException('all')",
    "keyboard": "raise KeyboardInterrupt",
}


@pytest.mark.parametrize("source", TRAPS.values(), ids=TRAPS)
def test_describing_never_raises_and_is_short(tmp_path, source):
    told = raised(source, tmp_path)
    assert isinstance(told["type"], str)
    assert isinstance(told["message"], str)
    assert len(told["type"]) < 100
    assert len(told["message"]) <= TEXT_CAP + 10
    failure = described(told)
    assert failure.reason == "exception"
    str(failure).encode()
