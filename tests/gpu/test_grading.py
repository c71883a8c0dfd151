"""A grading on a GPU from the command to the result: budget, marks, device and versions; never a silent fallback.

NVML is a fake. So is, where a test says so, the proof that CUDA works in the sandbox: the torch that is
installed here has none.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
from click.testing import CliRunner

from harness import anchors
from harness.anchors import GPU_FILE, Calibration, measured_digest, read_calibration, write_calibration
from harness.catalog import load_exercise
from harness.cli import main
from harness.cohort.fingerprint import grader_key
from harness.errors import SandboxError
from harness.gpu.choosing import on_cpu, on_gpu
from harness.grade import Options, grade
from harness.gradebook import Gradebook
from harness.gradebook.ledger import verdicts
from harness.intake import read_submission
from harness.lint import lint
from harness.records import Provenance
from harness.release import release_course
from harness.rescore import as_graded, rescore
from harness.sandbox import process
from harness.store import RESULT, dump
from harness.verify import Demands, verify
from tests.cohort.conftest import PATIENT
from tests.gpu.conftest import gpu

GRADER = '''
@metric(points=2, better="higher", unit="points")
def test_value(submission):
    """It is large"""
    return submission.value()

@check(points=1)
def test_place(submission):
    """It sees one GPU at most"""
    if submission.place() != ("GPU-aaaaaaaa-0000", ":4096:8"):
        wrong("another place")
'''
RIGHT = """
import os

def value():
    return 5.0

def place():
    return os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
"""
OPTIONAL = PATIENT.replace("pass_mark", 'device = "gpu-optional"\npass_mark')
BUDGET = "[limits.gpu]\nmemory_mb = 6000\npids = 900\ntotal_seconds = 90.0\n"


def marks(folder, name, zero, full):
    (folder / name).write_text(json.dumps({"metrics": {"value": {"zero": zero, "full": full}}}))


@pytest.fixture
def course(small_course):
    """An exercise with other marks on a GPU than on the CPU: 5 earns nothing there, and everything here."""
    made = small_course(GRADER, spec=OPTIONAL + BUDGET)
    folder = made.grader_folder("stage/small")
    marks(folder, "calibration.json", 0.0, 5.0)
    marks(folder, "calibration.gpu.json", 5.0, 50.0)
    return made


@pytest.fixture
def exercise(course):
    return load_exercise(course.exercise_folder("stage/small"))


@pytest.fixture
def right(tmp_path):
    file = tmp_path / "small.py"
    file.write_text(RIGHT)
    return file


@pytest.fixture
def cuda_works(monkeypatch):
    """The worker takes it that torch computes on the GPU."""
    monkeypatch.setattr(process, "RUN", Path(__file__).parent / "worker.py")


def graded(course, exercise, file, **options):
    return grade(course, exercise, read_submission(file, exercise), Options(sandbox="process", **options))


def command(course, file, *options):
    arguments = [
        "--course",
        course.root,
        "grade",
        "small",
        file,
        "--sandbox",
        "process",
        "--trust-submissions",
    ]
    return CliRunner().invoke(main, [*map(str, arguments), "--json", *options])


def earned(result):
    return {check.name: check.earned for check in result.checks}


def test_the_result_has_device_driver_cuda_and_torch_and_the_marks_of_the_gpu(
    course, right, nvml, cuda_works
):
    done = command(course, right, "--device", "cuda:0")
    assert done.exit_code == 1, done.output
    result = RESULT.validate_json(done.stdout)
    assert result.provenance.device == "cuda:0"
    assert result.provenance.gpu == gpu(0, torch="2.13.0+cu130", cuda="13.0")
    assert earned(result) == {"value": 0.0, "place": 1.0}, "5 is the zero mark of the GPU"
    assert RESULT.validate_json(dump(result)) == result
    assert nvml.open == 0


def test_without_a_gpu_an_optional_one_runs_on_the_cpu_with_its_marks_and_says_so(course, right, no_driver):
    done = command(course, right)
    assert "stage/small is graded on the CPU, with the CPU's budget and marks: there is no NV" in done.stderr
    result = RESULT.validate_json(done.stdout)
    assert (result.provenance.device, result.provenance.gpu) == ("cpu", None)
    assert earned(result) == {"value": 2.0, "place": 0.0}


def test_asked_for_the_cpu_nothing_is_said_and_nvml_is_not_asked(course, right, monkeypatch):
    monkeypatch.setattr("harness.gpu.nvml._library", lambda: pytest.fail("NVML was asked"))
    done = command(course, right, "--device", "cpu")
    assert done.stderr == ""
    assert RESULT.validate_json(done.stdout).provenance.device == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0"])
def test_a_gpu_that_was_asked_for_and_is_not_there_is_refused_before_anything_starts(
    course, right, no_driver, monkeypatch, wanted
):
    monkeypatch.setattr("harness.grade.grade", lambda *_, **__: pytest.fail("it was graded"))
    done = command(course, right, "--device", wanted)
    assert done.exit_code == 3
    assert "stage/small needs a GPU, and there is none to lend: there is no NVIDIA driver" in done.stderr
    assert "Hint: " in done.stderr or "Next: " in done.stderr


def test_an_exercise_that_needs_one_is_refused_alike(small_course, right, no_driver):
    course = small_course(GRADER, spec=OPTIONAL.replace("gpu-optional", "gpu"))
    done = command(course, right)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "stage/small needs a GPU, and there is none to lend" in done.stderr
    assert "needs a GPU" in command(course, right, "--device", "cpu").stderr


def test_a_device_that_is_none_is_a_usage_error(course, right):
    done = command(course, right, "--device", "cuda:x")
    assert done.exit_code == 2
    assert "neither auto, cpu, cuda nor cuda:0" in done.stderr


def test_where_torch_cannot_use_the_gpu_nothing_is_graded(course, right, nvml):
    """The torch that is installed here was built for the CPU: the sandbox itself finds that out."""
    done = command(course, right, "--device", "cuda:0")
    assert done.exit_code == 3
    assert "the GPU that is lent cannot be used in the sandbox: torch 2." in done.stderr
    assert "not compiled with CUDA" in done.stderr


def test_a_gpu_that_breaks_meanwhile_leaves_it_ungraded(course, right, nvml, cuda_works, monkeypatch):
    def breaks(*arguments, **options):
        nvml.cards[0].ecc = 1
        return grade(*arguments, **options)

    monkeypatch.setattr("harness.grade.grade", breaks)
    done = command(course, right, "--device", "cuda:0")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "cuda:0 (NVIDIA H200, GPU-aaaaaaaa) broke while it was lent: 1 memory errors" in done.stderr


def test_grade_itself_never_falls_back(course, exercise, right):
    with pytest.raises(SandboxError, match="needs a GPU, and none is lent"):
        graded(course, on_gpu(exercise), right)
    with pytest.raises(SandboxError, match="graded on the CPU"):
        graded(course, on_cpu(exercise), right, device=gpu(0))


def test_the_graders_own_work_sees_the_gpu_that_is_lent_and_no_other(
    small_course, exercise, right, nvml, cuda_works, monkeypatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    text = """
    import os
    @check(points=1)
    def test_own(submission):
        \"\"\"Ours\"\"\"
        if os.environ["CUDA_VISIBLE_DEVICES"] != submission.place()[0]:
            wrong("another GPU")
    """
    course = small_course(text, spec=OPTIONAL)
    for one, options in ((on_gpu(exercise), {"device": gpu(0)}), (on_cpu(exercise), {})):
        assert earned(graded(course, one, right, **options)) == {"own": 1.0}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


# ---- specification -----------------------------------------------------------------------------


def test_the_budget_of_a_gpu_is_that_of_the_cpu_but_for_what_is_named_and_what_cuda_needs(exercise):
    cpu = exercise.limits
    assert exercise.gpu_limits == replace(cpu, memory_mb=6000, pids=900, disk_mb=1024, total_seconds=90.0)
    assert (cpu.memory_mb, cpu.disk_mb) == (512, 32)


def test_without_a_budget_cuda_has_what_it_needs(small_course):
    large = OPTIONAL.replace("memory_mb = 512", "memory_mb = 16000")
    exercise = small_course("", spec=large).find("small")
    assert exercise.gpu_limits == replace(exercise.limits, memory_mb=16000, pids=1024, disk_mb=1024)
    assert small_course("", spec=PATIENT).find("small").gpu_limits is None


FAULTS = {
    "unknown": (
        OPTIONAL + "[limits.gpu]\nmemory = 5",
        "limits.gpu.memory: unknown key. Did you mean 'memory_mb'?",
    ),
    "text": (OPTIONAL + '[limits.gpu]\npids = "5"', "limits.gpu.pids: input should be a valid integer"),
    "zero": (OPTIONAL + "[limits.gpu]\npids = 0", "limits.gpu.pids: must be above 0"),
    "no-table": (OPTIONAL + "gpu = 5", "limits.gpu"),
    "unused": (PATIENT + "[limits.gpu]\npids = 5", "limits.gpu: device is 'cpu', so nothing uses it"),
    "no-memory": ("gpu_memory_mb = 0\n" + OPTIONAL, "gpu_memory_mb: must be above 0"),
    "memory-as-text": ('gpu_memory_mb = "5"\n' + OPTIONAL, "gpu_memory_mb: input should be a valid integer"),
    "memory-of-none": ("gpu_memory_mb = 5\n" + PATIENT, "gpu_memory_mb: device is 'cpu', so nothing uses it"),
    "by-its-inner-name": (OPTIONAL + "[gpu_limits]\npids = 5", "gpu_limits: write the table [limits.gpu]"),
}


@pytest.mark.parametrize(("text", "words"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_budget_is_said(small_course, text, words):
    with pytest.raises(Exception, match=r"exercise\.toml") as caught:
        small_course("", spec=text).find("small")
    assert words in str(caught.value)


# ---- what is known of a result -----------------------------------------------------------------


def test_a_verdict_of_the_cpu_does_not_stand_for_one_of_a_gpu(course, exercise):
    keys = {grader_key(course, one, "process") for one in (on_cpu(exercise), on_gpu(exercise))}
    assert len(keys) == 2


def test_results_without_a_gpu_are_read_as_before():
    told = {"roadmark": "", "python": "", "torch": "", "exercise_digest": "", "grader_digest": "", "tier": ""}
    assert Provenance(sandbox="docker", **told).gpu is None


def test_a_result_of_a_gpu_is_rescored_with_its_marks_and_without_one(
    course, exercise, right, nvml, cuda_works, tmp_path
):
    kept = tmp_path / "kept"
    before = graded(course, on_gpu(exercise), right, device=gpu(0), keep=kept)
    marks(course.grader_folder("stage/small"), "calibration.gpu.json", 0.0, 10.0)
    after = rescore(course, exercise, before, kept)
    assert earned(before)["value"] == 0.0
    assert earned(after)["value"] == 1.0
    assert after.provenance.gpu == before.provenance.gpu
    assert as_graded(exercise, before) == on_gpu(exercise)


# ---- calibration -------------------------------------------------------------------------------


def test_marks_of_a_gpu_stand_beside_those_of_the_cpu_and_stale_neither(course):
    before = measured_digest(course, "stage/small")
    made = Calibration(metrics={}, digest=before)
    file = write_calibration(course, "stage/small", made, GPU_FILE)
    assert file.name == "calibration.gpu.json"
    assert read_calibration(course, "stage/small", GPU_FILE) == made
    assert measured_digest(course, "stage/small") == before


def test_a_calibration_depends_on_the_code_that_computes_on_a_device(tmp_path):
    grader = tmp_path / "public.py"
    grader.write_text("from harness.gpu.computing import perplexity\n")
    found = {file.relative_to(anchors.HARNESS).as_posix() for file in anchors._measuring([grader])}
    assert {"gpu/computing.py", "metrics/frechet.py", "metrics/language.py"} <= found


def test_learners_get_the_marks_of_public_metrics_on_each_device(course, tmp_path):
    release_course(course.root, tmp_path / "released")
    for name, full in (("calibration.json", 5.0), ("calibration.gpu.json", 50.0)):
        file = tmp_path / "released" / "graders" / "stage" / "small" / name
        assert json.loads(file.read_text())["metrics"]["value"]["full"] == full


# ---- a cohort ----------------------------------------------------------------------------------


def test_a_batch_lends_gpus_and_says_on_what_each_was_graded(course, right, nvml, cuda_works, tmp_path):
    folder, book = tmp_path / "handed-in", tmp_path / "g.db"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "small.py").write_bytes(right.read_bytes())
    command = ("batch", "small", folder, "--gradebook", book, "--sandbox", "process", "--trust-submissions")
    done = run(course, *command, "--device", "cuda:1")
    assert done.exit_code == 0, done.output
    with Gradebook(str(book)) as opened, opened.reading() as session:
        ((_, learner, _, _, result),) = verdicts(session, "stage/small")
    assert (learner, result.provenance.device) == ("ada", "cuda:1")
    assert result.provenance.gpu == gpu(1, torch="2.13.0+cu130", cuda="13.0")
    assert earned(result)["value"] == 0.0, "by the marks of the GPU"
    assert nvml.open == 0
    nvml.init_error = pynvml.NVMLError_DriverNotLoaded
    done = run(course, *command, "--device", "cuda:1")
    assert (done.exit_code, "the NVIDIA driver is installed but not loaded" in done.output) == (3, True)


# ---- authors' commands -------------------------------------------------------------------------

BASELINE = RIGHT.replace("5.0", "1.0")
SPREAD = RIGHT.replace("5.0", "5.0 + random.random() / 1000").replace("import os", "import os\nimport random")


def run(course, *arguments):
    return CliRunner().invoke(main, ["--course", str(course.root), *map(str, arguments)])


@pytest.mark.slow
def test_calibrate_measures_on_the_gpu_and_writes_beside_the_cpus_marks(course, nvml, cuda_works):
    reference = course.reference_folder("stage/small")
    for name, text in (("solution", SPREAD), ("baseline/zero", BASELINE)):
        (reference / name).mkdir(parents=True)
        (reference / name / "small.py").write_text(text)
    folder = course.grader_folder("stage/small")
    before = (folder / "calibration.json").read_bytes()
    few = ("--seeds", "3", "--baseline-seeds", "1", "--reruns", "0")
    done = run(course, "calibrate", "small", "--sandbox", "process", "--device", "cuda:1", *few)
    assert done.exit_code == 0, done.output
    assert f"Written: {folder / 'calibration.gpu.json'}" in done.output
    made = read_calibration(course, "stage/small", GPU_FILE)
    assert (made.environment["gpu"], made.environment["driver"]) == ("NVIDIA H200", "580.95.05")
    assert made.metrics["value"].zero == 1.0
    assert 4.9 < made.metrics["value"].full < 5.0
    assert (folder / "calibration.json").read_bytes() == before
    assert nvml.open == 0


def test_a_gpu_that_is_not_there_is_said_by_authors_commands_too(course, no_driver):
    for command in (("calibrate", "small", "--device", "cuda"), ("verify", "small", "--device", "cuda")):
        done = run(course, *command, "--sandbox", "process")
        assert done.exit_code == 3, done.output
        assert "there is none to lend" in done.output
    assert run(course, "verify", "small", "--device", "auto").exit_code == 2


def test_what_needs_a_gpu_is_not_proved_without_one_and_that_is_said(small_course):
    course = small_course(GRADER, spec=OPTIONAL.replace("gpu-optional", "gpu"))
    report = verify(course, ["stage/small"], Demands(sandbox="process"))
    told = [one for one in report.problems if "needs a GPU" in one.reason]
    assert [(one.level, one.fix) for one in told] == [("todo", "roadmark verify stage/small --device cuda")]


def test_lint_asks_for_the_marks_of_a_gpu(course):
    (course.grader_folder("stage/small") / "calibration.gpu.json").unlink()
    told = [one for one in lint(course, ["stage/small"]) if "on a GPU" in one.reason]
    assert [(one.level, one.fix) for one in told] == [
        ("todo", "roadmark calibrate stage/small --device cuda")
    ]
    required = course.exercise_folder("stage/small") / "exercise.toml"
    required.write_text(required.read_text().replace("gpu-optional", "gpu"))
    told = [one for one in lint(course, ["stage/small"]) if "never calibrated" in one.reason]
    assert [one.fix for one in told] == ["roadmark calibrate stage/small --device cuda"]
