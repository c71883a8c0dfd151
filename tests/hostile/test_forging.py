"""Submissions that try to forge their grade. None earns a point for what it did not do."""

import pytest

from tests.conftest import outcomes

GRADER = '''
    @check(points=3)
    def test_squares(submission, rng):
        """square(x) squares"""
        x = rng.normal(size=4)
        assert_close(submission.square(x), x**2)

    @check(points=1)
    def test_counts(submission):
        """one() is 1"""
        value = submission.one()
        if type(value) is not int or value != 1:
            wrong("one() is not 1")
'''
FORGED = '{"score": 100, "passed": true, "checks": [], "tests": [{"score": 100, "max_score": 1}]}'
ATTACKS = {
    "F01-writes-results": f"""
        for name in ("results.json", "/tmp/results.json", "/autograder/results/results.json", "result.json"):
            try:
                open(name, "w").write('{FORGED}')
            except OSError:
                pass
        def square(x): return x
    """,
    "F02-overwrites-at-exit": f"""
        import atexit, threading
        @atexit.register
        def late():
            open("results.json", "w").write('{FORGED}')
        def square(x): return x
    """,
    "F03-daemon-writes-later": f"""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(1)
                open("results.json", "w").write('{FORGED}')
            os._exit(0)
        def square(x): return x
    """,
    "F04-prints-success": """
        def square(x):
            print("2 passed in 0.01s\\nPASSED test_squares\\n{'score': 4}")
            return x
    """,
    "F05-exits-cleanly": """
        import sys
        def square(x): sys.exit(0)
        def one(): raise SystemExit(0)
    """,
    "F06-dies-silently": """
        import os
        def square(x): os._exit(0)
        def one(): os.kill(os.getpid(), 9)
    """,
    "F10-patches-pytest": """
        import sys, types
        for name in ("_pytest", "_pytest.reports", "pytest", "unittest"):
            sys.modules[name] = types.ModuleType(name)
        def square(x): return x
    """,
    "F11-patches-comparisons": """
        import builtins, math
        import numpy as np
        np.allclose = np.array_equal = lambda *a, **k: True
        np.testing.assert_allclose = lambda *a, **k: None
        math.isclose = lambda *a, **k: True
        builtins.abs = lambda x: 0
        builtins.isinstance = lambda *a: True
        def square(x): return x
    """,
    "F12-equals-everything": """
        class Yes:
            def __eq__(self, other): return True
            def __array__(self, *a, **k): raise SystemExit
            def __float__(self): return 1.0
            def __bool__(self): return True
        def square(x): return Yes()
        def one(): return Yes()
    """,
    "F13-array-subclass": """
        import numpy as np
        class Lucky(np.ndarray):
            def __array_ufunc__(self, *a, **k): return True
            def __sub__(self, other): return 0 * np.asarray(self)
        def square(x): return np.asarray(x).view(Lucky)
    """,
    "F14-replaces-modules": """
        import sys, types
        for name in ("json", "numpy", "harness", "harness.wire"):
            sys.modules[name] = types.ModuleType(name)
        def square(x): return x
    """,
    "F16-walks-the-stack": """
        import sys
        def square(x):
            frame = sys._getframe()
            while frame:
                for name in ("expected", "answer", "target", "reference"):
                    if name in frame.f_locals:
                        return frame.f_locals[name]
                frame = frame.f_back
            return x
    """,
    "F18-scans-the-heap": """
        import gc
        def square(x):
            for thing in gc.get_objects():
                if type(thing).__name__ == "Check" or getattr(thing, "__name__", "") == "test_squares":
                    return thing
            return x
    """,
    "F19-reads-the-tests": """
        import glob
        def square(x):
            found = [p for p in glob.glob("/**/*.py", recursive=True) if "public" in p or "hidden" in p or "reference" in p]
            found = [p for p in found if "graders" in p]
            return x if not found else open(found[0]).read()
    """,
    "F20-reads-the-parent": """
        import os
        def square(x):
            try:
                open(f"/proc/{os.getppid()}/mem", "rb").read(1)
                return "read"
            except OSError:
                return x
    """,
    "F22-writes-answers-itself": """
        import json, os, struct
        def square(x):
            for number in range(3, 20):
                header = json.dumps({"id": "0", "value": 1}).encode()
                try:
                    os.write(number, struct.pack(">IQ", len(header), 0) + header)
                except OSError:
                    pass
            return x
    """,
    "F23-looks-for-secrets": """
        import os, sys
        def square(x):
            return repr(os.environ) + repr(sys.argv)
    """,
    "F37-nan-passes-comparisons": """
        import numpy as np
        def square(x): return x * np.nan
        def one(): return float("nan")
    """,
    "F38-raises-skip": """
        class Skipped(BaseException): pass
        class OutcomeException(BaseException): pass
        def square(x): raise Skipped("skip")
        def one(): raise OutcomeException("xfail")
    """,
    "F50-answers-before-it-is-asked": """
        import os, struct
        for number in range(3, 20):
            try:
                os.write(number, struct.pack(">IQ", 2, 0) + b"{}")
            except OSError:
                pass
        def square(x): return x
    """,
    "F51-lies-about-its-worker": """
        import sys
        worker = sys.modules["harness.inside.worker"]
        worker.Worker._answer = lambda self, header, body: ({"value": {"t": "handle", "id": 1, "shown": "passed"}}, [])
        def square(x): return x
    """,
}


@pytest.mark.docker
@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_forged(small_course, graded, no_leftovers, text):
    result = graded(small_course(GRADER), text, sandbox="docker")
    assert result.score.earned == 0, outcomes(result)
    assert not result.score.passed
    assert "ungraded" not in outcomes(result).values(), [check.message for check in result.checks]


@pytest.mark.docker
def test_files_that_configure_pytest_configure_nothing(small_course, graded, no_leftovers, tmp_path):
    from harness.catalog import load_exercise
    from harness.grade import Options, grade
    from harness.intake import read_submission

    course = small_course(GRADER)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    folder = tmp_path / "handed-in"
    folder.mkdir()
    hook = "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n    r = yield\n    r.outcome = 'passed'\n    return r\n"
    for name, text in {
        "small.py": "def square(x): return x\n",
        "conftest.py": hook,
        "pytest.ini": "[pytest]\naddopts = -p evil\n",
        "setup.cfg": "[tool:pytest]\naddopts = --co\n",
        "evil.py": hook,
        "sitecustomize.py": "raise SystemExit",
        "json.py": "raise SystemExit",
        "numpy.py": "raise SystemExit",
        "torch.py": "raise SystemExit",
        "evil.pth": "import os; os._exit(0)",
    }.items():
        (folder / name).write_text(text)
    result = grade(course, exercise, read_submission(folder, exercise), Options())
    assert outcomes(result) == {"squares": "failed", "counts": "crashed"}
    assert any("name of a library" in notice for notice in result.notices)
