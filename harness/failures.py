"""What went wrong with a learner's code, as a value with words for the learner.

These are not faults of Roadmark: a check that meets one has the outcome `crashed`. Texts
from the sandbox are display text; they are stripped of control characters here and
escaped wherever they are shown.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from harness.records import Limits
from harness.sandbox.protocol import Ending, Stopped

DIRECTION: Final = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROL: Final = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{DIRECTION}\ud800-\udfff]")
ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
SIGNALS: Final = {134: "abort", 136: "arithmetic fault", 137: "kill", 139: "segmentation fault"}
BUILT_IN: Final = frozenset(name for name, kind in vars(builtins).items() if isinstance(kind, type))
CELL: Final = re.compile(r"cell [0-9]{1,4}")
EXPLAINED: Final[Mapping[str, str]] = {
    "NotImplementedError": "This part of the starter is not written yet.",
    "EOFError": "The program asked for input; nobody is there to type it. Take input as arguments.",
    "MemoryError": "It asked for more memory than the exercise allows.",
    "SystemExit": "It called exit(); return the answer instead.",
    "ModuleNotFoundError": "It is not installed, and there is no network. There are numpy, scipy, pandas,"
    " scikit-learn, matplotlib, pillow, torch, safetensors, fastapi, uvicorn, and the standard library.",
    "FileNotFoundError": "Only the files that you hand in are there, and paths start from their folder.",
    **dict.fromkeys(
        (
            "URLError",
            "gaierror",
            "ConnectionError",
            "ConnectError",
            "NewConnectionError",
            "LocalEntryNotFoundError",
        ),
        "There is no network in the sandbox. What an exercise needs is installed, comes as an argument, or is"
        " to be handed in.",
    ),
    "PermissionError": "Only the working folder and /tmp can be written, and little is permitted besides.",
}


class LearnerFailure(Exception):
    """A learner's code could not give an answer.

    Attributes:
        reason: `exception`, `missing`, `unsendable`, `import`, `timeout`, `memory`, `output`,
            `exit`, `protocol`, `lost` or `restarts`.
        brief: What may be shown where the inputs are secret: no text of the learner's.
    """

    def __init__(self, reason: str, message: str, *, brief: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.brief = brief or message

    def at_import(self, entry: str) -> LearnerFailure:
        """Return the same failure, said of the import of the entry file."""
        text = f"{entry} could not be imported. {self}"
        if self.reason == "timeout":
            text += " Does it train or wait when imported? Put that under `if __name__ == '__main__':`."
        return LearnerFailure("import", text)


def plain(text: object, cap: int = 4000) -> str:
    """Return text that is safe for terminals and JSON: no escape sequences, control or direction marks."""
    lines = str(text)
    if "\r" in lines:  # of what a progress bar draws over itself, only the last state is text
        lines = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines.split("\n"))
    clean = CONTROL.sub("\ufffd", ANSI.sub("", lines))
    return clean if len(clean) <= cap else clean[:cap] + "… (cut)"


def _said(value: object, cap: int) -> str:
    """Return a text of the worker's, or a number of its; anything else was not said by ours."""
    return plain(value, cap) if isinstance(value, (str, int)) else "?"


def described(error: Any, files: Collection[str] = ()) -> LearnerFailure:
    """Return the failure for an exception that the worker described; its shape is not trusted.

    Args:
        error: The worker's answer: type, message and frames.
        files: Paths of the submission, which may be named where inputs are secret.
    """
    error = error if isinstance(error, dict) else {}
    kind, message = _said(error.get("type", "Exception"), 80), _said(error.get("message", ""), 4000)
    frames = _frames(error)
    places = [_place(frame) for frame in frames]
    reason = "memory" if kind == "MemoryError" else "exit" if kind == "SystemExit" else "exception"
    trace = "".join(f"\n  {place}{source}" for place, source in places)
    explained = f"\n{EXPLAINED[kind]}" if kind in EXPLAINED else ""
    if kind == "SyntaxError" and isinstance(error.get("python"), str):
        explained = f"\nIt is read by Python {plain(error['python'], 10)}, without what later versions add."
    text = f"{kind}: {message}" if message else kind
    known = kind if kind in BUILT_IN else "An exception"
    return LearnerFailure(reason, f"{text}{trace}{explained}", brief=f"{known}{_known_place(frames, files)}")


def _known_place(frames: list[dict[str, Any]], files: Collection[str]) -> str:
    """Return file and line of the last frame, if nothing in it can be a message from the sandbox."""
    file, line = (frames[-1].get("file"), frames[-1].get("line")) if frames else (None, None)
    if not isinstance(file, str) or type(line) is not int or not 0 <= line < 1 << 20:
        return ""
    return f" ({file}, line {line})" if file in files or CELL.fullmatch(file) else ""


def _frames(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    frames = error.get("frames")
    return [frame for frame in frames if isinstance(frame, dict)][-20:] if isinstance(frames, list) else []


def _place(frame: Mapping[str, Any]) -> tuple[str, str]:
    file, line = _said(frame.get("file"), 200), _said(frame.get("line"), 12)
    function, source = _said(frame.get("function", ""), 100), _said(frame.get("source", ""), 200)
    inside = f", in {function}" if function and function != "<module>" else ""
    column = frame.get("column")
    caret = f"\n    {' ' * (column - 1)}^" if type(column) is int and 0 < column < 200 else ""
    return f"{file}, line {line}{inside}", (f"\n    {source}{caret}" if source else "")


def raised_cells(answer: Any) -> tuple[str, ...]:
    """Return what a notebook's cells raised, one text per cell; the answer's shape is not trusted."""
    found = [item for item in answer if isinstance(item, dict)][:50] if isinstance(answer, list) else []
    return tuple(f"Cell {_said(item.get('cell'), 12)} raised {described(item)}" for item in found)


def missing(header: Mapping[str, Any], entry: str, raised: tuple[str, ...] = ()) -> LearnerFailure:
    """Return the failure for a name that the submission does not have.

    Args:
        header: The worker's answer: owner, name and near names.
        entry: The file that was graded.
        raised: Cells of a notebook that raised, one of which may have been meant to define it.
    """
    owner, name, names = header.get("missing"), header.get("name"), header.get("near")
    owner, name = (_said(text, 80) if text else "" for text in (owner, name))
    near = [_said(item, 80) for item in names[:3]] if isinstance(names, list) else []
    where = f"the {owner} object" if owner else entry
    what = f" '{name}'" if name else " the name the exercise asks for"
    also = f" Did you mean {' or '.join(repr(item) for item in near)}?" if near else ""
    because = f"\n{raised[0]}" if raised and not owner else ""
    return LearnerFailure("missing", f"{where} has no{what}.{also}{because}", brief=f"{where} has no{what}.")


def unsendable(reason: Any) -> LearnerFailure:
    """Return the failure for an answer that could not cross the wall."""
    brief = "The answer cannot be read."
    return LearnerFailure("unsendable", f"{brief[:-1]}: {_said(reason, 300)}.", brief=brief)


def died(stopped: Stopped, ending: Ending, limits: Limits, seconds: float) -> LearnerFailure:
    """Return the failure for a worker that could not go on, in the words its end deserves."""
    if stopped.reason == "timeout":
        return LearnerFailure("timeout", f"No answer within {seconds:g} s. Is there an endless loop?")
    if stopped.reason == "output":
        return LearnerFailure("output", f"It printed more than {limits.log_kb} KiB. Print less.")
    if stopped.reason == "protocol":
        return LearnerFailure("protocol", f"Its process was ended: {stopped}.")
    if ending.out_of_memory:
        return LearnerFailure(
            "memory", f"It used more than the {limits.memory_mb} MiB of memory that are allowed."
        )
    code = ending.exit_code
    if code is not None and code < 0:
        code = 128 - code
    if code in SIGNALS:
        return LearnerFailure("exit", f"Its process ended in mid-call: {SIGNALS[code]} (exit code {code}).")
    if code is None:
        return LearnerFailure(
            "exit", "It closed the stream that carries answers. Leave open what you did not open."
        )
    return LearnerFailure(
        "exit", f"Its process ended in mid-call, with exit code {code}. Return the answer instead."
    )
