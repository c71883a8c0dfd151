"""From `--device` and a specification to the GPUs that may be lent, or to words why there is none.

There is no silent fallback. What needs a GPU is refused where there is none, before anything
starts. What may use one is graded on the CPU, with the CPU's budget and marks, if nobody asked for a
GPU by name; the choice then says so, and the result records the device.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from harness.catalog import MARKS_FILES, Course
from harness.errors import SandboxError, SpecError
from harness.gpu.nvml import Found, find
from harness.records import Exercise, Gpu

WANTED: Final = re.compile(r"auto|cpu|cuda(?::(\d{1,3}))?")
"""What may stand after `--device`."""
PROFILE: Final = "gpu"
"""The image that a submission runs in where a GPU is lent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an exercise is graded on."""

    exercise: Exercise
    """With budget, image and marks of the device: see `on_gpu` and `on_cpu`."""
    gpus: tuple[Gpu, ...] = ()
    """Those of which one is to be lent; none for the CPU."""
    note: str = ""
    """Why an exercise that may use a GPU gets none, in words for the operator."""


def on_gpu(exercise: Exercise) -> Exercise:
    """Return an exercise as it is graded on a GPU: its budget, the image with CUDA, torch imported first."""
    preload = exercise.preload if "torch" in exercise.preload else (*exercise.preload, "torch")
    limits = exercise.gpu_limits or exercise.limits
    return replace(exercise, device="gpu", profile=PROFILE, limits=limits, preload=preload)


def on_cpu(exercise: Exercise) -> Exercise:
    """Return an exercise as it is graded on the CPU."""
    return replace(exercise, device="cpu") if exercise.device == "gpu-optional" else exercise


def choose(
    wanted: str, course: Course, exercise: Exercise, look: Callable[[], Found] = find, *, marks: bool = True
) -> Choice:
    """Return what an exercise is graded on.

    Args:
        wanted: `auto`, `cpu`, `cuda` or `cuda:i`.
        course: Has the calibrations.
        exercise: As its specification has it.
        look: Finds the GPUs; not called where none may be used.
        marks: Whether metrics need marks that were measured on a GPU.

    Raises:
        SandboxError: a GPU is needed or was asked for, and there is none, or the exercise uses none.
        SpecError: a GPU is needed, and the marks of the metrics were never measured on one.
    """
    asked = WANTED.fullmatch(wanted)
    if not asked:
        raise SandboxError(f"there is no device '{wanted}'", hint="say auto, cpu, cuda or cuda:0")
    by_name = wanted.startswith("cuda")
    if exercise.device == "cpu":
        if by_name:
            raise SandboxError(f"{exercise.id} is graded on the CPU alone", hint="leave out --device")
        return Choice(exercise=exercise)
    if wanted == "cpu":
        if exercise.device == "gpu":
            raise SandboxError(f"{exercise.id} needs a GPU", hint="leave out --device cpu")
        return Choice(exercise=on_cpu(exercise))
    gpus, reason = _lendable(look(), asked[1], exercise.gpu_memory_mb)
    required = by_name or exercise.device == "gpu"
    if not gpus and required:
        hint = "roadmark doctor --profile gpu says what is missing; or use another machine"
        raise SandboxError(f"{exercise.id} needs a GPU, and there is none to lend: {reason}", hint=hint)
    if gpus and marks and not _has_marks(course, exercise):
        reason = "its metrics have no marks that were measured on a GPU"
        if required:
            hint = f"roadmark calibrate {exercise.id} --device cuda"
            raise SpecError(f"{exercise.id}: {reason}", hint=hint)
        gpus = ()
    if not gpus:
        note = f"{exercise.id} is graded on the CPU, with the CPU's budget and marks: {reason}"
        return Choice(exercise=on_cpu(exercise), note=note)
    return Choice(exercise=on_gpu(exercise), gpus=gpus)


def _lendable(found: Found, number: str | None, least_mb: int) -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs that fit, or none and why."""
    named = tuple(gpu for gpu in found.gpus if number is None or gpu.index == int(number))
    if not named:
        there = ", ".join(f"cuda:{gpu.index}" for gpu in found.gpus)
        return (
            (),
            found.reason if number is None or not there else f"there is no cuda:{int(number)}, only {there}",
        )
    large = tuple(gpu for gpu in named if gpu.memory_mb >= least_mb)
    most = max(gpu.memory_mb for gpu in named)
    return large, "" if large else f"it needs {least_mb:,} MiB of a GPU's memory, and there are {most:,}"


def _has_marks(course: Course, exercise: Exercise) -> bool:
    """Whether nothing is missing: an exercise that was calibrated on the CPU was so on a GPU too."""
    folder = course.grader_folder(exercise.id)
    return (folder / MARKS_FILES["gpu"]).exists() or not (folder / MARKS_FILES["cpu"]).exists()
