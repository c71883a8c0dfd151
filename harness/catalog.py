"""The course: folders and TOML files in, checked records out, with every error said at once."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from harness.errors import SpecError
from harness.records import Artefact, Exercise, Level, Limits, RubricItem

_REPOSITORY: Final = Path(__file__).resolve().parents[1]
HOME: Final = _REPOSITORY if (_REPOSITORY / "exercises").is_dir() else Path(__file__).parent / "course"
"""The course that comes with Roadmark: the repository's, or in a wheel the learners' one."""

ENTRY: Final = re.compile(r"([A-Za-z_]\w*/)*[A-Za-z_]\w*\.py")
ITEM: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_STRICT: Final = ConfigDict(extra="forbid", strict=True)
for _record in (Limits, Artefact, Level, RubricItem, Exercise):
    with_config(_STRICT)(_record)
_PARTS: Final = {"limits": Limits, "artefacts": Artefact, "rubric": RubricItem, "levels": Level}
"""The records of an exercise's tables."""
_EXERCISE: Final = TypeAdapter(Exercise)
_LIMITS: Final = TypeAdapter(Limits)
GPU_LIMITS: Final = "gpu_limits"
CUDA_NEEDS: Final = {"memory_mb": 8192, "pids": 1024, "disk_mb": 1024}
"""What a submission may use at least where a GPU is lent and `[limits.gpu]` says nothing."""
MARKS_FILES: Final = {"cpu": "calibration.json", "gpu": "calibration.gpu.json"}
"""Where a metric's marks stand, by what the submission ran on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the roadmap."""

    id: str
    title: str
    summary: str
    covers: tuple[str, ...] = ()


with_config(_STRICT)(Stage)
_STAGES: Final = TypeAdapter(tuple[Stage, ...])


@dataclass(frozen=True, slots=True)
class Course:
    """A folder with exercises/, graders/ and reference/."""

    root: Path

    def exercise_folder(self, name: str) -> Path:
        """Return the folder with the specification and the starter."""
        return self.root / "exercises" / name

    def grader_folder(self, name: str) -> Path:
        """Return the folder with the checks."""
        return self.root / "graders" / name

    def reference_folder(self, name: str) -> Path:
        """Return the folder with the solution, alternatives and wrong solutions."""
        return self.root / "reference" / name

    def names(self) -> tuple[str, ...]:
        """Return the ids of all exercises, in the roadmap's order of stages, then by name."""
        found = [f"{spec.parent.parent.name}/{spec.parent.name}" for spec in self._specs()]
        order = {stage.id: index for index, stage in enumerate(self.stages())}
        return tuple(sorted(found, key=lambda name: (order.get(name.partition("/")[0], 99), name)))

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages in order; raises `SpecError`."""
        file = self.root / "exercises" / "roadmap.toml"
        tree = _toml(file)
        try:
            stages = _STAGES.validate_json(json.dumps(tree.get("stage", []), default=str))
        except ValidationError as error:
            raise SpecError(_told(file, error, Stage)) from None
        ids = [stage.id for stage in stages]
        twice = ", ".join(sorted({one for one in ids if ids.count(one) > 1}))
        if twice:
            raise SpecError(f"{file}: several stages have the id {twice}", hint="rename one of them")
        return stages

    def find(self, name: str) -> Exercise:
        """Return an exercise by its id, or by its last part alone; raises `SpecError` with near names."""
        return load_exercise(self.exercise_folder(self.named(name)))

    def named(self, name: str) -> str:
        """Return the id of the exercise that is meant, whatever its specification; raises `SpecError`."""
        names = self.names()
        matches = [known for known in names if name in (known, known.rpartition("/")[2])]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise SpecError(
                f"'{name}' is the name of several exercises", hint=f"say one of: {', '.join(matches)}"
            )
        near = difflib.get_close_matches(
            name, [*names, *(n.rpartition("/")[2] for n in names)], n=1, cutoff=0.4
        )
        hint = f"Did you mean '{near[0]}'?" if near else "roadmark list"
        raise SpecError(f"there is no exercise '{name}'", hint=hint)

    def _specs(self) -> Iterator[Path]:
        folder = self.root / "exercises"
        if not folder.is_dir():
            raise SpecError(
                f"{self.root} is not a course: it has no exercises/", hint="roadmark --course DIR list"
            )
        return folder.glob("*/*/exercise.toml")


def load_exercise(folder: Path) -> Exercise:
    """Return the exercise that a folder describes; raises `SpecError` listing all that is wrong."""
    exercise, faults = read_exercise(folder)
    if exercise is None or faults:
        raise SpecError("\n".join([f"{folder / 'exercise.toml'}:", *(f"  {fault}" for fault in faults)]))
    return exercise


def read_exercise(folder: Path) -> tuple[Exercise | None, tuple[str, ...]]:
    """Return the exercise of a folder, if its types are right, and all faults as `key: what is wrong`.

    Raises:
        SpecError: there is no exercise.toml, or it is not TOML.
    """
    tree = _toml(folder / "exercise.toml")
    faults = list(_problems(tree))
    gpu = limits.pop("gpu", None) if isinstance(limits := tree.get("limits"), dict) else None
    name = f"{folder.parent.name}/{folder.name}"
    try:
        exercise = _EXERCISE.validate_json(json.dumps({**tree, "id": name}, default=str))
    except ValidationError as error:
        return None, (*(_line(problem, Exercise) for problem in error.errors()), *faults)
    gpu_limits, told = _gpu_limits(exercise, gpu)
    return replace(exercise, gpu_limits=gpu_limits), (*faults, *told, *_rubric_faults(exercise.rubric))


def _gpu_limits(exercise: Exercise, named: object) -> tuple[Limits | None, tuple[str, ...]]:
    """Return what an exercise may use on a GPU, and what is wrong with `[limits.gpu]`.

    What the table leaves out is as on the CPU, but for memory, processes and shared memory, of which CUDA
    needs more than torch alone.
    """
    if exercise.device == "cpu":
        unused = {"limits.gpu": named, "gpu_memory_mb": exercise.gpu_memory_mb or None}
        told = (
            f"{key}: device is 'cpu', so nothing uses it"
            for key, value in unused.items()
            if value is not None
        )
        return None, tuple(told)
    least = {key: max(most, getattr(exercise.limits, key)) for key, most in CUDA_NEEDS.items()}
    given = named if isinstance(named, dict) else {} if named is None else {"gpu": named}
    try:
        tree = asdict(exercise.limits) | least | given
        return _LIMITS.validate_json(json.dumps(tree, default=str)), ()
    except ValidationError as error:
        return None, tuple(f"limits.gpu.{_line(problem, Limits)}" for problem in error.errors())


def _rubric_faults(items: Sequence[RubricItem]) -> Iterator[str]:
    """Yield what is wrong with what a person is to score."""
    ids = [item.id for item in items]
    for item in items:
        place, points = f"rubric.{item.id}", [level.points for level in item.levels]
        if not ITEM.fullmatch(item.id):
            yield f"{place}: an id has lower-case letters, digits and hyphens, such as 'clear-claim'"
        if ids.count(item.id) > 1:
            yield f"{place}: {ids.count(item.id)} items have this id"
        if not 0 < item.points < math.inf:
            yield f"{place}.points: must be above 0"
        falling = all(more > less for more, less in itertools.pairwise(points))
        if len(points) < 2 or not falling or points[0] != item.points or not points[-1] >= 0:
            most = f"{item.points:g} points, the most,"
            yield f"{place}.levels: at least two, from {most} strictly down to 0 or more"
        if not all(text.strip() for level in item.levels for text in (level.words, level.example)):
            yield f"{place}.levels: each needs words, and an example"


def _problems(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield what types alone cannot say; values of a wrong type are left to them."""
    if "id" in tree:
        yield "id: leave it out; it is the folder's name"
    pass_mark, entry, limits = tree.get("pass_mark", 1), tree.get("entry", "a.py"), tree.get("limits", {})
    memory = tree.get("gpu_memory_mb", 1)
    if isinstance(memory, int) and memory <= 0:
        yield "gpu_memory_mb: must be above 0"
    if GPU_LIMITS in tree:
        yield f"{GPU_LIMITS}: write the table [limits.gpu]"
    if isinstance(pass_mark, (int, float)) and not 0 < pass_mark <= 1:
        yield f"pass_mark: {pass_mark} is not a share above 0 and up to 1"
    if isinstance(entry, str) and not ENTRY.fullmatch(entry):
        yield f"entry: '{entry}' is not the name of a Python file, such as 'model.py' or 'package/main.py'"
    limits = limits if isinstance(limits, dict) else {}
    gpu = limits.get("gpu")
    named = {f"gpu.{key}": value for key, value in gpu.items()} if isinstance(gpu, dict) else {}
    for key, value in (limits | named).items():
        if not isinstance(value, (int, float)):
            continue
        if not 0 <= value < math.inf or (value == 0 and not key.endswith("restarts")):
            yield f"limits.{key}: must be {'0 or more' if key.endswith('restarts') else 'above 0'}"


def requirement_faults(exercises: Mapping[str, Exercise]) -> dict[str, tuple[str, ...]]:
    """Return what is wrong with the prerequisites of each exercise: unknown ones and circles."""
    graph = {name: [need for need in one.requires if need in exercises] for name, one in exercises.items()}
    circle = find_cycle(graph)
    return {
        name: faults
        for name, one in exercises.items()
        if (faults := tuple(_requirement_faults(name, one, exercises, circle)))
    }


def _requirement_faults(
    name: str, exercise: Exercise, known: Mapping[str, Exercise], circle: Sequence[str]
) -> Iterator[str]:
    for need in exercise.requires:
        if need not in known:
            near = difflib.get_close_matches(need, known, n=1, cutoff=0.4)
            guess = f" Did you mean '{near[0]}'?" if near else ""
            yield f"requires: there is no exercise '{need}'.{guess}"
    if name in circle:
        yield f"requires: a circle: {' needs '.join(circle)}"


def find_cycle(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return one circle in a graph of needs, its first name again at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{file} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: {error}") from None


def _told(file: Path, error: ValidationError, record: type) -> str:
    return "\n".join([f"{file}:", *(f"  {_line(problem, record)}" for problem in error.errors())])


def _line(problem: Mapping[str, Any], record: type) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "unexpected_keyword_argument":
        return f"{place}: {problem['msg'].lower()}"
    owner = next((_PARTS[part] for part in reversed(problem["loc"][:-1]) if part in _PARTS), record)
    known = [field.name for field in fields(owner)]
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.4)
    return f"{place}: unknown key." + (
        f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}"
    )


def folder_digest(*folders: Path) -> str:
    """Return the sha256 over the names and bytes of all files in some folders, in hex."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in _files(folder):
            name, data = str(file.relative_to(folder)).encode(), file.read_bytes()
            digest.update(b"%d %d " % (len(name), len(data)) + name + data)
    return digest.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    found = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted(found)


def metric_marks(
    course: Course, name: str, device: Literal["cpu", "gpu"] = "cpu"
) -> dict[str, dict[str, float]]:
    """Return zero and full mark of each metric from the device's calibration; empty without one."""
    file = course.grader_folder(name) / MARKS_FILES[device]
    if not file.exists():
        return {}
    try:
        metrics = json.loads(file.read_text(encoding="utf-8"))["metrics"]
        return {
            key: {mark: _finite(entry[mark]) for mark in ("zero", "full")} for key, entry in metrics.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SpecError(f"{file}: {error!r}", hint=f"roadmark calibrate {name}") from None


def _finite(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(f"a mark is {value!r}, not a finite number")
    return float(value)  # type: ignore[arg-type]
