"""Which device an exercise is graded on: every wish against every need, and never a silent fallback."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.errors import SandboxError, SpecError
from harness.gpu.choosing import choose, on_cpu, on_gpu
from harness.gpu.nvml import Found
from harness.records import Exercise, Limits
from tests.gpu.conftest import gpu

BUDGET = Limits(memory_mb=9000, pids=2000, total_seconds=60.0)
EXERCISE = Exercise(
    id="stage/small", title="", summary="", entry="small.py", gpu_limits=BUDGET, preload=("numpy",)
)
TWO = Found(gpus=(gpu(0), gpu(1)), driver="580.95.05")
NONE = Found(reason="there is no NVIDIA driver")


@pytest.fixture
def course(small_course):
    return small_course("")


def of(kind):
    return replace(EXERCISE, device=kind)


def unasked():
    raise AssertionError("NVML was asked for an exercise that may not use a GPU")


CHOICES = {
    "cpu-auto": ("cpu", "auto", unasked, ()),
    "cpu-cpu": ("cpu", "cpu", unasked, ()),
    "optional-cpu": ("gpu-optional", "cpu", unasked, ()),
    "optional-auto": ("gpu-optional", "auto", lambda: TWO, (0, 1)),
    "optional-auto-none": ("gpu-optional", "auto", lambda: NONE, ()),
    "optional-cuda": ("gpu-optional", "cuda", lambda: TWO, (0, 1)),
    "optional-cuda-1": ("gpu-optional", "cuda:1", lambda: TWO, (1,)),
    "gpu-auto": ("gpu", "auto", lambda: TWO, (0, 1)),
    "gpu-cuda-0": ("gpu", "cuda:0", lambda: TWO, (0,)),
}


@pytest.mark.parametrize(("kind", "wanted", "look", "numbers"), CHOICES.values(), ids=CHOICES)
def test_a_wish_that_can_be_met(course, kind, wanted, look, numbers):
    choice = choose(wanted, course, of(kind), look)
    assert choice.gpus == tuple(gpu(number) for number in numbers)
    if numbers:
        assert choice.exercise == on_gpu(of(kind))
        assert choice.exercise.limits == BUDGET
        assert (choice.exercise.device, choice.exercise.profile) == ("gpu", "gpu")
        assert choice.exercise.preload == ("numpy", "torch"), "its first import proves that CUDA works"
    else:
        assert choice.exercise == on_cpu(of(kind))
        assert (choice.exercise.device, choice.exercise.profile) == ("cpu", "cpu")
        assert choice.exercise.limits == EXERCISE.limits


REFUSALS = {
    "cpu-cuda": ("cpu", "cuda", unasked, "is graded on the CPU alone"),
    "gpu-cpu": ("gpu", "cpu", unasked, "needs a GPU"),
    "gpu-auto-none": ("gpu", "auto", lambda: NONE, "none to lend: there is no NVIDIA driver"),
    "gpu-cuda-none": ("gpu", "cuda", lambda: NONE, "none to lend: there is no NVIDIA driver"),
    "optional-cuda-none": ("gpu-optional", "cuda:0", lambda: NONE, "there is no NVIDIA driver"),
    "optional-cuda-7": ("gpu-optional", "cuda:7", lambda: TWO, "there is no cuda:7, only cuda:0, cuda:1"),
    "nonsense": ("gpu", "tpu", unasked, "there is no device 'tpu'"),
}


@pytest.mark.parametrize(("kind", "wanted", "look", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_wish_that_cannot_is_refused_in_words(course, kind, wanted, look, words):
    with pytest.raises(SandboxError, match=words) as caught:
        choose(wanted, course, of(kind), look)
    assert caught.value.hint


def test_a_gpu_that_is_too_small_is_not_lent(course):
    two = replace(TWO, gpus=(gpu(0, memory_mb=8_000), gpu(1, memory_mb=24_000)))
    needy = replace(of("gpu"), gpu_memory_mb=16_000)
    assert [one.index for one in choose("auto", course, needy, lambda: two).gpus] == [1]
    with pytest.raises(SandboxError, match="needs 16,000 MiB of a GPU's memory, and there are 8,000"):
        choose("cuda:0", course, needy, lambda: two)
    optional = replace(needy, device="gpu-optional", gpu_memory_mb=90_000)
    assert "it needs 90,000 MiB" in choose("auto", course, optional, lambda: two).note


def test_an_optional_gpu_that_is_not_there_is_said(course):
    note = choose("auto", course, of("gpu-optional"), lambda: NONE).note
    assert note == (
        "stage/small is graded on the CPU, with the CPU's budget and marks: there is no NVIDIA driver"
    )


def test_without_marks_of_a_gpu_a_metric_is_not_graded_on_one(course):
    folder = course.grader_folder("stage/small")
    marks = {"metrics": {"m": {"zero": 1.0, "full": 0.0}}}
    (folder / "calibration.json").write_text(json.dumps(marks))
    choice = choose("auto", course, of("gpu-optional"), lambda: TWO)
    assert (choice.gpus, choice.exercise.device) == ((), "cpu")
    assert "no marks that were measured on a GPU" in choice.note
    for kind, wanted in (("gpu-optional", "cuda"), ("gpu", "auto")):
        with pytest.raises(SpecError, match="no marks") as caught:
            choose(wanted, course, of(kind), lambda: TWO)
        assert caught.value.hint == "roadmark calibrate stage/small --device cuda"
    assert choose("cuda", course, of("gpu-optional"), lambda: TWO, marks=False).gpus, "to measure them"
    (folder / "calibration.gpu.json").write_text(json.dumps(marks))
    assert choose("auto", course, of("gpu-optional"), lambda: TWO).gpus


def test_nothing_of_gpus_is_imported_for_the_cpu(tmp_path):
    code = (
        "import sys, harness.cli.options, harness.cli.running, harness.grade, harness.sandbox.docker\n"
        "from click.testing import CliRunner\n"
        "from harness.cli import main\n"
        "assert CliRunner().invoke(main, ['grade', '--help']).exit_code == 0\n"
        "print(sorted({'pynvml', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
