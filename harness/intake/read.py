"""Read what was handed in into a `Submission`, or say in words why it cannot be graded."""

from __future__ import annotations

import difflib
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.errors import NothingThere, SubmissionError
from harness.intake.archive import files_in, is_archive
from harness.intake.folder import bytes_of, files_of
from harness.intake.names import check_names, shown
from harness.intake.notebook import cells_of, left_out
from harness.intake.python import check_python
from harness.records import Exercise, SourceFile, Submission

LIBRARIES: Final = sys.stdlib_module_names | {"numpy", "torch", "scipy", "sklearn", "pandas", "matplotlib"}
NOTEBOOK: Final = ".ipynb"
MOST_NAMED: Final = 10
PAGE: Final = 4096
POINTERS: Final = {b"version https://git-lfs": "git lfs pull", b"/annex/objects/": "git annex get"}
WEIGHTS: Final = (".bin", ".ckpt", ".gguf", ".h5", ".npy", ".npz", ".onnx", ".pt", ".pth", ".safetensors")


def read_submission(
    path: Path, exercise: Exercise, *, starter: bytes | None = None, learner: str = ""
) -> Submission:
    """Return a checked copy of a Python file, a notebook, a folder, or an archive of one.

    Args:
        path: What was handed in.
        exercise: Says which file is wanted.
        starter: The starter's bytes; a submission that is nothing else is refused.
        learner: Who handed it in; by default the file's or folder's name.

    Raises:
        NothingThere: the path does not exist.
        SubmissionError: not Python, too large, unsafe names, links; the text says what was
            expected.
    """
    _require_there(path)
    files, notices = _gathered(path, exercise)
    check_names(file.path for file in files)
    _require_fits(files, exercise)
    entry, said = choose_entry(files, exercise)
    source = next(file for file in files if file.path == entry)
    if starter is not None and source.data.split() == starter.split():
        raise SubmissionError(f"{entry}: nothing is implemented: this is the unchanged starter")
    if entry.endswith(NOTEBOOK):
        cells = cells_of(source.data, entry)
    else:
        cells = ()
        check_python(source.data, path.name if path.is_file() else entry)
    return Submission(
        files=tuple(files),
        entry=entry,
        cells=cells,
        digest=digest(files),
        origin=shown(str(path)),
        learner=shown(learner) or learner_of(path),
        notices=(*notices, *said, *_shadowing(files), *_stand_ins(files, entry), *left_out(cells)),
    )


def _require_fits(files: Sequence[SourceFile], exercise: Exercise) -> None:
    """Refuse what the sandbox has no room for; bringing files in holds them in memory several times."""
    room = min(exercise.limits.disk_mb, exercise.limits.memory_mb // 4) << 20
    size = sum(-(-len(file.data) // PAGE) * PAGE for file in files)
    if size > room:
        largest = max(files, key=lambda file: len(file.data))
        raise SubmissionError(
            f"what was handed in takes {_mib(size)}, and this exercise allows {_mib(room)};"
            f" the largest file is {largest.path} with {_mib(len(largest.data))}",
            hint="leave out data and what can be made again",
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.3g} MiB"


def learner_of(path: Path) -> str:
    """Return whose work it is, as far as the name of a file or folder says."""
    name = shown(path.name if path.name not in ("", "..") else path.resolve().name)
    return name if path.is_dir() else name.lstrip(".").partition(".")[0]


def digest(files: Iterable[SourceFile]) -> str:
    """Return the sha256 over the paths and bytes of files, in hex, whatever their order."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.path):
        name = file.path.encode()
        total.update(b"%d %d " % (len(name), len(file.data)) + name + file.data)
    return total.hexdigest()


def _gathered(path: Path, exercise: Exercise) -> tuple[list[SourceFile], list[str]]:
    """Return the files of whatever the path is, and what was done to them."""
    if path.is_dir():
        files, ignored = files_of(path)
        return files, _said_ignored(ignored)
    data = bytes_of(path)
    if is_archive(data):
        files, ignored = files_in(data, path.name, package=exercise.entry.rpartition("/")[0])
        return files, _said_ignored(ignored)
    if path.suffix == NOTEBOOK:
        return [SourceFile(path=Path(exercise.entry).stem + NOTEBOOK, data=data)], []
    renamed = [] if path.name == exercise.entry else [f"{shown(path.name)} was graded as {exercise.entry}."]
    return [SourceFile(path=exercise.entry, data=data)], renamed


def _said_ignored(names: set[str]) -> list[str]:
    listed = ", ".join(shown(name) for name in sorted(names)[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [f"Ignored: {listed}{more}."] if names else []


def _require_there(path: Path) -> None:
    try:
        there = path.exists() and not path.is_symlink()
    except OSError as error:
        raise NothingThere(f"{shown(str(path))[:200]} cannot be read: {error.strerror}") from None
    if not there:
        raise _missing(path)


def _missing(path: Path) -> SubmissionError:
    if path.is_symlink():
        return SubmissionError(f"{path} is a symbolic link", hint="hand in the file or folder itself")
    near = difflib.get_close_matches(path.name, _names_beside(path), n=1, cutoff=0.5)
    hint = f"Did you mean '{path.with_name(near[0])}'?" if near else ""
    return NothingThere(f"{path} does not exist", hint=hint)


def _names_beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def choose_entry(files: Sequence[SourceFile], exercise: Exercise) -> tuple[str, list[str]]:
    """Return the path of what is to be graded, and what to say about the choice.

    The exercise's file at the top; else the only one of that name; else the same with a
    notebook; else the only notebook. Nothing is guessed between two.

    Raises:
        SubmissionError: none or several, with the candidates.
    """
    notebook = Path(exercise.entry).stem + NOTEBOOK
    for wanted in (exercise.entry, notebook):
        found = _named(files, wanted)
        if found:
            also = wanted == exercise.entry and bool(_named(files, notebook))
            return found, [f"{wanted} was graded, the notebook beside it was not."] if also else []
    notebooks = [file.path for file in files if file.path.endswith(NOTEBOOK)]
    if len(notebooks) == 1:
        return notebooks[0], [f"{notebooks[0]} was graded as {exercise.entry}."]
    raise _no_entry(files, exercise, notebooks)


def _named(files: Sequence[SourceFile], wanted: str) -> str:
    paths = [file.path for file in files]
    if wanted in paths:
        return wanted
    below = [path for path in paths if path.endswith(f"/{wanted}")]
    if len(below) > 1:
        hint = "leave the one that counts at the top"
        raise SubmissionError(f"there are several {wanted}: {', '.join(below)}", hint=hint)
    return below[0] if below else ""


def _no_entry(files: Sequence[SourceFile], exercise: Exercise, notebooks: Sequence[str]) -> SubmissionError:
    if notebooks:
        listed = ", ".join(notebooks[:5])
        return SubmissionError(f"there are several notebooks: {listed}", hint="hand in the one that counts")
    paths = [file.path for file in files]
    stems = {Path(path).stem: path for path in paths}
    near = difflib.get_close_matches(Path(exercise.entry).stem, stems, n=1, cutoff=0.5)
    python = ", ".join([path for path in paths if path.endswith(".py")][:5])
    found = f"Did you mean '{stems[near[0]]}'?" if near else f"Python files there: {python or 'none'}."
    hint = f"{found} Rename it." if near or python else found
    return SubmissionError(f"there is no {exercise.entry} in what was handed in", hint=hint)


def _stand_ins(files: Sequence[SourceFile], entry: str) -> Iterator[str]:
    """Say which files are not what their names promise: pointers to large files, and weights of no bytes."""
    for file in files:
        for start, command in POINTERS.items():
            if file.data.startswith(start) and file.path != entry:
                yield f"{file.path} is a pointer, not the file itself: `{command}`, then hand in again."
        if not file.data and file.path.lower().endswith(WEIGHTS):
            yield f"{file.path} is empty."


def _shadowing(files: Sequence[SourceFile]) -> list[str]:
    shadows = sorted({file.path.partition("/")[0].removesuffix(".py") for file in files} & LIBRARIES)
    return [f"{name} is also the name of a library; `import {name}` gets the library." for name in shadows]
