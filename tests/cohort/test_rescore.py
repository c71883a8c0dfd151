"""Re-scoring: a mended grader meets the same answers, and nothing of a learner's is run."""

import json
import shutil
from pathlib import Path

import pytest

from harness.catalog import load_exercise
from harness.errors import NotRecorded
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.recording import file_of, load
from harness.recording.recorder import Recorder
from harness.rescore import NOTICE, rescore
from tests.cohort.conftest import batch, standing

GRADER = '''
    import pytest

    @pytest.fixture(scope="module")
    def model(submission, run_rng):
        return submission.Model(run_rng.normal(size=4))

    @check(points=1)
    def test_keeps_state(model):
        """A model counts its calls"""
        model.step()
        if model.step() != 2:
            wrong("not two")

    @check(points=2)
    def test_doubles(model, rng):
        """double(x) is 2 x"""
        x = rng.normal(size=(3, 5)).astype("float32")
        assert_close(model.double(x), 2 * x, atol=1e-3)

    @check(points=1)
    def test_calls_back(submission):
        """It asks an oracle"""
        asked = []
        def oracle(question):
            asked.append(question)
            return f"re: {question}"
        if submission.consult(oracle) != "re: why?" or asked != ["why?"]:
            wrong("not asked")

    @check(points=1)
    def test_prints(submission, printed):
        """It says hello"""
        before = submission.cpu_seconds()
        submission.hello()
        if "hello" not in printed() or not before < submission.cpu_seconds():
            wrong("silent")

    @check(points=1)
    def test_does_not_exit(submission):
        """leave() returns"""
        submission.leave()

    @check(points=1)
    def test_goes_on(submission):
        """It is started again"""
        if submission.texts() != ["x" * 1000, {"a": (1, 2.5)}, {1, 2}, b"b" * 300]:
            wrong("other")

    @check(points=1)
    def test_hangs(submission):
        """spin() returns"""
        submission.within(seconds=0.5).spin()
'''
ANSWERS = """
import os
import numpy as np
class Model:
    def __init__(self, weights): self.steps = 0
    def step(self):
        self.steps += 1
        return self.steps
    def double(self, x): return 2 * x + np.float32(5e-4)
def consult(oracle): return oracle("why?")
def hello(): print("hello there")
def leave(): os._exit(7)
def texts(): return ["x" * 1000, {"a": (1, 2.5)}, {1, 2}, b"b" * 300]
def spin():
    while True: pass
"""


@pytest.fixture(scope="module")
def originals():
    """What was recorded in each sandbox, by its name: once, since every test takes a copy."""
    return {}


@pytest.fixture
def recorded(small_course, tmp_path, tmp_path_factory, sandbox_name, originals):
    """A result, its recording, and the course to mend: course, exercise, result and folder."""
    course = small_course(GRADER)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    if sandbox_name not in originals:
        place = tmp_path_factory.mktemp("original")
        (place / "small.py").write_text(ANSWERS)
        submission = read_submission(place / "small.py", exercise)
        result = grade(course, exercise, submission, Options(sandbox=sandbox_name, keep=place / "kept"))
        originals[sandbox_name] = result, place / "kept"
    result, kept = originals[sandbox_name]
    return course, exercise, result, Path(shutil.copytree(kept, tmp_path / "kept"))


def mend(course, before, after):
    public = course.grader_folder("stage/small") / "public.py"
    text = public.read_text()
    assert before in text
    public.write_text(text.replace(before, after))


def told(result):
    return [(one.name, str(one.outcome), one.earned, one.message, one.reason) for one in result.checks]


def test_the_same_grader_says_the_same_again(recorded):
    course, exercise, result, folder = recorded
    again = rescore(course, exercise, result, folder)
    assert [one.outcome for one in result.checks] == ["passed"] * 4 + ["crashed", "passed", "crashed"]
    assert told(again) == told(result)
    assert (again.score, again.log, again.provenance) == (result.score, result.log, result.provenance)
    assert again.notices == (*result.notices, NOTICE)
    kept, tensors = load(file_of(folder, result.provenance.seed))
    assert any(tensor.dtype == "float32" and tensor.shape == (3, 5) for tensor in tensors.values())
    assert "get double" in {question.asked for worker in kept.workers for question in worker.questions}


@pytest.mark.parametrize("sandbox_name", ["process"])
class TestMended:
    def test_stricter_marks_change_the_score_and_nothing_else(self, recorded):
        course, exercise, result, folder = recorded
        mend(course, "atol=1e-3", "atol=1e-5")
        again = rescore(course, exercise, result, folder)
        assert (again.score.earned, result.score.earned) == (result.score.earned - 2, 6.0)
        assert again.provenance.grader_digest != result.provenance.grader_digest
        assert again.provenance.seed == result.provenance.seed

    def test_a_question_that_is_asked_no_more_is_passed_over(self, recorded):
        course, exercise, result, folder = recorded
        mend(course, "submission.hello()\n", "pass\n")
        mend(course, 'if "hello" not in printed() or not before < submission.cpu_seconds():', "if False:")
        assert rescore(course, exercise, result, folder).score.earned == result.score.earned

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("2 * x, atol", "2 * x + 0 * model.double(x + 1), atol", id="another-input"),
            pytest.param("submission.hello()", "submission.goodbye()", id="another-name"),
            pytest.param('f"re: {question}"', 'f"RE: {question}"', id="another-callback"),
            pytest.param("submission.leave()", "", id="no-end-of-the-first-worker"),
            pytest.param("model.step()\n", "model.step(); model.step()\n", id="one-more-time"),
        ],
    )
    def test_another_question_cannot_be_answered_and_says_so(self, recorded, before, after):
        course, exercise, result, folder = recorded
        mend(course, before, after)
        with pytest.raises(NotRecorded, match="the grader asks something that was not recorded"):
            rescore(course, exercise, result, folder)

    def test_other_conditions_are_told(self, recorded):
        course, _, result, folder = recorded
        spec = course.exercise_folder("stage/small") / "exercise.toml"
        spec.write_text(spec.read_text().replace("pass_mark = 0.6", "pass_mark = 0.9"))
        assert not rescore(course, course.find("small"), result, folder).score.passed, "marks may change"
        spec.write_text(spec.read_text().replace("memory_mb = 512", "memory_mb = 256"))
        with pytest.raises(NotRecorded, match="limits"):
            rescore(course, course.find("small"), result, folder)

    @pytest.mark.parametrize(
        ("harm", "says"),
        [
            pytest.param(lambda json_, tensors: json_.unlink(), "nothing was kept", id="gone"),
            pytest.param(
                lambda json_, tensors: json_.write_bytes(json_.read_bytes()[:-50]),
                "not a recording",
                id="cut",
            ),
            pytest.param(
                lambda json_, tensors: tensors.write_bytes(tensors.read_bytes()[:-1]),
                "is not what",
                id="other-tensors",
            ),
        ],
    )
    def test_a_damaged_recording_is_told(self, recorded, harm, says):
        course, exercise, result, folder = recorded
        file = file_of(folder, result.provenance.seed)
        harm(file, file.with_suffix(".safetensors"))
        with pytest.raises(NotRecorded, match=says):
            rescore(course, exercise, result, folder)

    def test_more_than_the_cap_is_not_kept_and_says_so(self, recorded, monkeypatch, tmp_path):
        course, exercise, result, folder = recorded
        monkeypatch.setattr(Recorder.__init__, "__defaults__", (500,))
        (tmp_path / "small.py").write_text(ANSWERS)
        submission = read_submission(tmp_path / "small.py", exercise)
        again = grade(course, exercise, submission, Options(sandbox="process", keep=folder))
        assert again.score == result.score
        with pytest.raises(NotRecorded, match="more than"):
            rescore(course, exercise, again, folder)
        assert file_of(folder, again.provenance.seed).stat().st_size < 5000

    def test_a_grader_that_looks_at_the_clock_is_replayed_in_real_time(self, recorded):
        import time

        course, exercise, result, folder = recorded
        began = time.monotonic()
        mend(course, "import pytest\n", "import pytest\nimport time\n")
        assert told(rescore(course, exercise, result, folder)) == told(result)
        assert time.monotonic() - began > 0.5, "spin() was waited for that long"


def test_the_command_rescores_a_gradebook_and_names_what_it_cannot(cohort, roadmark, tmp_path, tiny):
    expected = cohort(6)
    (tmp_path / "handed-in" / "empty006.zip").write_bytes(b"no zip")
    roadmark(*batch("g.db", "--keep-artifacts", "kept"))
    assert standing(tmp_path / "g.db").items() >= expected.items()
    assert len(list((tmp_path / "kept").glob("*.json"))) == 7
    (tmp_path / "handed-in").rename(tmp_path / "away")
    mend(tiny, "-2.0)", "2.0)")
    command = ("rescore", "small", "kept", "--gradebook", "g.db")
    shown = roadmark(*command, "--diff").stdout
    assert "Re-scored 7; 0 cannot be." in shown
    assert "half001  stage/small  passed 2 -> passed 3" in shown
    assert standing(tmp_path / "g.db").items() >= expected.items()
    kept = json.loads(next((tmp_path / "kept").glob("*.json")).read_text())
    (tmp_path / "kept" / f"{kept['seed']}.json").unlink()
    done = roadmark(*command, check=3)
    assert "Re-scored 6; 1 cannot be." in done.stdout
    assert "cannot be re-scored: nothing was kept of its grading" in done.stderr
    shutil.move(tmp_path / "away", tmp_path / "handed-in")
    assert "1 to grade, 6 done" in roadmark(*batch("g.db")).stderr
    now = standing(tmp_path / "g.db")
    assert (now["half001"], now["right000"]) == (("passed", "3"), ("passed", "2"))
