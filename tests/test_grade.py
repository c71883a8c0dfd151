"""One submission from end to end, in every sandbox: what each outcome is and what it costs."""

import pytest

from tests.conftest import outcomes

ADD = '''
    @check(points=2)
    def test_adds(submission, rng):
        """add(a, b) adds"""
        a, b = rng.normal(size=(2, 3))
        assert_close(submission.add(a, b), a + b, what="add(a, b)")

    @check(points=1, needs=test_adds, hint="think of the sign")
    def test_negatives(submission):
        """add works with negative numbers"""
        assert_close(submission.add(-1.0, -2.0), -3.0)
'''
HIDDEN = '''
    @check(points=1, hint="remember the empty case")
    def test_empty(submission):
        """add works on empty arrays"""
        assert_close(submission.add(np.zeros(0), np.zeros(0)), np.zeros(0))
'''
RIGHT = "def add(a, b):\n    return a + b\n"


def test_a_right_submission_earns_everything(small_course, graded, sandbox_name):
    result = graded(small_course(ADD, HIDDEN), RIGHT, sandbox=sandbox_name)
    assert outcomes(result) == {"adds": "passed", "negatives": "passed", "empty": "passed"}
    assert (result.score.earned, result.score.possible, result.score.passed) == (4, 4, True)
    assert result.provenance.sandbox == sandbox_name
    assert result.provenance.image.startswith("sha256:") == (sandbox_name == "docker")


def test_a_wrong_answer_fails_and_what_needs_it_is_skipped(small_course, graded, sandbox_name):
    result = graded(small_course(ADD, HIDDEN), "def add(a, b):\n    return a - b\n", sandbox=sandbox_name)
    assert outcomes(result) == {"adds": "failed", "negatives": "skipped", "empty": "passed"}
    assert result.score.earned == 1
    assert not result.score.passed
    assert "expected" in result.checks[0].message
    assert "add(a, b) adds" in result.checks[1].message


def test_public_checks_alone(small_course, graded):
    result = graded(small_course(ADD, HIDDEN), RIGHT, kind="check")
    assert [check.name for check in result.checks] == ["adds", "negatives"]


def test_the_same_seed_asks_the_same_questions(small_course, graded):
    course = small_course(
        '''
        @check(points=1)
        def test_shows(submission, rng):
            """It is asked"""
            wrong(f"{submission.same(float(rng.normal()))} {submission.random()}")
        '''
    )
    text = "import random\ndef same(x):\n    return x\ndef random_():\n    return random.random()\n"
    text = (
        text.replace("random_", "random")
        .replace("import random", "import random as r")
        .replace("random.r", "r.r")
    )
    first, again, other = (graded(course, text, seed=seed).checks[0].message for seed in (b"a", b"a", b"b"))
    assert first == again != other


CRASHES = {
    "exception": ("def add(a, b):\n    raise ValueError('no')\n", "exception", "ValueError: no"),
    "starter": ("def add(a, b):\n    raise NotImplementedError\n", "exception", "not written yet"),
    "missing": ("def ad(a, b):\n    return a + b\n", "missing", "Did you mean 'ad'?"),
    "wrong-signature": ("def add(a):\n    return a\n", "exception", "TypeError"),
    "exit": ("import sys\ndef add(a, b):\n    sys.exit(0)\n", "exit", "return the answer instead"),
    "os-exit": ("import os\ndef add(a, b):\n    os._exit(0)\n", "exit", "exit code 0"),
    "killed": ("import os\ndef add(a, b):\n    os.kill(os.getpid(), 9)\n", "exit", "kill"),
    "loop": ("def add(a, b):\n    while True: pass\n", "timeout", "No answer within 2 s"),
    "print-flood": ("def add(a, b):\n    while True: print('x' * 1000)\n", "output", "64 KiB"),
    "input": ("def add(a, b):\n    return input()\n", "exception", "nobody is there"),
    "recursion": ("def add(a, b):\n    return add(a, b)\n", "exception", "RecursionError"),
    "function-back": ("def add(a, b):\n    return lambda: 1\n", "wrong-type", "got a <function"),
    "none": ("def add(a, b):\n    pass\n", "wrong-type", "is a return missing?"),
    "nan": ("def add(a, b):\n    return a * float('nan')\n", "not-finite", "3 NaN"),
    "shape": ("def add(a, b):\n    return (a + b)[:, None]\n", "wrong-shape", "(3,), got (3, 1)"),
    "text": ("def add(a, b):\n    return 'passed'\n", "wrong-type", "a str of length 6"),
    "syntax": ("def add(a, b:\n    return a\n", "import", "small.py, line 1"),
    "import-error": ("import nonsuch_package\n", "import", "no network"),
    "import-loop": ("while True: pass\n", "import", "train or wait when imported"),
    "import-exit": ("import os\nos._exit(0)\n", "import", "exit code 0"),
}


@pytest.mark.parametrize(("text", "reason", "words"), CRASHES.values(), ids=CRASHES)
def test_what_goes_wrong_is_said(small_course, graded, sandbox_name, text, reason, words):
    result = graded(small_course(ADD), text, sandbox=sandbox_name)
    first = result.checks[0]
    assert result.score.earned == 0
    assert (first.reason, words in first.message) == (reason, True), first.message
    assert outcomes(result)["negatives"] in ("skipped", "crashed")


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "print('x' * 10**6)"])
def test_a_death_costs_the_check_that_met_it_and_no_other(small_course, graded, sandbox_name, end):
    course = small_course(
        '''
        @check(points=1)
        def test_one(submission):
            """one() is 1"""
            assert submission.one() == 1

        @check(points=1)
        def test_two(submission):
            """two() is 2"""
            assert submission.two() == 2

        @check(points=1)
        def test_three(submission):
            """three() is 3"""
            assert submission.three() == 3
        '''
    )
    text = f"import os\ndef one():\n    return 1\ndef two():\n    {end}\ndef three():\n    return 3\n"
    result = graded(course, text, sandbox=sandbox_name)
    assert outcomes(result) == {"one": "passed", "two": "crashed", "three": "passed"}
    assert result.provenance.worker_starts == 2


TRAINED = '''
    import pytest

    @pytest.fixture(scope="session")
    def model(submission):
        return submission.train()

    @check(points=1)
    def test_first(model):
        """The model predicts"""
        assert model.predict(2) == 4

    @check(points=1)
    def test_dies(submission):
        """Something else"""
        assert submission.dies() == 1

    @check(points=1)
    def test_again(model):
        """The model still predicts"""
        assert model.predict(3) == 6
'''
MODEL = "import os\nclass Model:\n    def predict(self, x):\n        return 2 * x\n"


def test_a_shared_model_is_trained_again_after_a_death(small_course, graded):
    text = MODEL + "def train():\n    return Model()\ndef dies():\n    os._exit(1)\n"
    assert outcomes(graded(small_course(TRAINED), text)) == {
        "first": "passed",
        "dies": "crashed",
        "again": "passed",
    }


def test_a_failed_training_is_charged_once_and_its_dependants_are_skipped(small_course, graded):
    text = MODEL + "def train():\n    raise ValueError('diverged')\ndef dies():\n    return 1\n"
    result = graded(small_course(TRAINED), text)
    assert outcomes(result) == {"first": "crashed", "dies": "passed", "again": "skipped"}
    assert "The model predicts" in result.checks[2].message


def test_a_grader_that_raises_costs_the_learner_nothing_and_passes_nobody(small_course, graded):
    course = small_course(
        '''
        @check(points=1)
        def test_one(submission):
            """one() is 1"""
            assert submission.one() == 1

        @check(points=1)
        def test_bug(submission):
            """The grader has a bug"""
            raise KeyError("ours")
        '''
    )
    result = graded(course, "def one():\n    return 1\n")
    assert outcomes(result) == {"one": "passed", "bug": "ungraded"}
    assert (result.score.earned, result.score.ungraded, result.score.passed) == (1, 1, False)


def test_hidden_checks_give_nothing_away(small_course, graded):
    hidden = '''
        @check(points=1, hint="a hint")
        def test_secret(submission):
            """A secret is kept"""
            submission.use(31337.5)
            wrong("expected 424242")

        @check(points=1)
        def test_echo(submission):
            """An exception does not echo"""
            submission.echo(31337.5)
    '''
    text = "def use(x):\n    print('saw', x)\ndef echo(x):\n    raise ValueError(f'saw {x}')\n"
    result = graded(small_course(ADD, hidden), text)
    for check in result.checks[2:]:
        assert not any(secret in check.message for secret in ("31337", "424242")), check.message
    assert "31337" not in result.log
    assert result.checks[2].hint == "a hint"


METRIC = '''
    @metric(points=4, better="lower", unit="error")
    def test_quality(submission):
        """The error is small"""
        return expect_number(submission.error())
'''


@pytest.mark.parametrize(
    ("value", "earned", "outcome"),
    [
        (0.0, 4, "passed"),
        (0.2, 4, "passed"),
        (0.6, 2, "passed"),
        (0.8, 1, "failed"),
        (1.0, 0, "failed"),
        (9.0, 0, "failed"),
    ],
)
def test_a_metric_becomes_points_between_its_marks(small_course, graded, value, earned, outcome):
    course = small_course(METRIC)
    marks = '{"version": 1, "metrics": {"quality": {"zero": 1.0, "full": 0.2}}}'
    (course.grader_folder("stage/small") / "calibration.json").write_text(marks)
    result = graded(course, f"def error():\n    return {value}\n")
    assert result.checks[0].earned == pytest.approx(earned)
    assert str(result.checks[0].outcome) == outcome
    assert result.checks[0].measured.value == value
