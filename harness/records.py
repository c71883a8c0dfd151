"""The records that flow from a submission to a report: frozen, plain, and free of behaviour that decides.

Everything here is built from strings, numbers, tuples and other records, so that a
`Result` goes through JSON and back unchanged. Times are UTC in ISO 8601, durations are
seconds, memory is MiB, points are non-negative and finite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

RESULT_SCHEMA: Final = 1
"""Version of the `Result` record in JSON; raised when a reader would have to change."""


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    """The answer was wrong."""
    CRASHED = "crashed"
    """The learner's code raised, hung, ran out of memory, flooded its output or died."""
    SKIPPED = "skipped"
    """A check that this one needs did not pass."""
    UNGRADED = "ungraded"
    """A fault of ours: neither a zero nor a pass; grade again."""


class Visibility(StrEnum):
    """Who may read a check."""

    PUBLIC = "public"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one submission may use while it is graded."""

    memory_mb: int = 2048
    cpus: int = 2
    pids: int = 256
    disk_mb: int = 256
    """Size of each writable folder (`/tmp`, the submission, `/dev/shm`)."""
    import_seconds: float = 60.0
    call_seconds: float = 30.0
    """One call through the wall, unless the grader allows more for it."""
    total_seconds: float = 600.0
    """The whole submission; a kill switch, never a budget that is scored."""
    log_kb: int = 1024
    """What the submission may print; more ends it."""
    reply_mb: int = 256
    restarts: int = 5
    """How many times a dead submission is started again for the next check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that a submission has to write, and how it is read."""

    path: str
    kind: Literal["text", "json", "csv", "npy"] = "text"
    max_kb: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How well an item of a rubric may be done, and what that earns."""

    points: float
    words: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricItem:
    """What a person judges, beside what the machine scores."""

    id: str
    title: str
    points: float
    """The most that it earns; never part of the machine's score."""
    levels: tuple[Level, ...]
    """From the best, which earns all points, downwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One exercise as its `exercise.toml` describes it."""

    id: str
    """`stage/name`, also its folders under exercises/, graders/ and reference/."""
    title: str
    summary: str
    entry: str
    """The file a learner hands in, such as `attention.py`, or a package's, such as `assistant/main.py`."""
    topics: tuple[str, ...] = ()
    difficulty: Literal["easy", "medium", "hard"] = "medium"
    minutes: int = 60
    pass_mark: float = 0.7
    """Share of the points, 0 to 1, from which the exercise counts as passed."""
    device: Literal["cpu", "gpu-optional", "gpu"] = "cpu"
    profile: str = "cpu"
    """The sandbox image to run in."""
    app: str = ""
    """Name of the ASGI app in the entry module, for exercises that hand in a web service."""
    command: tuple[str, ...] = ()
    """What `submission.run()` runs, such as `["python", "main.py"]`."""
    artefacts: tuple[Artefact, ...] = ()
    """Files that a submission writes and a grader reads."""
    preload: tuple[str, ...] = ()
    """Modules imported in the sandbox before the submission, such as `torch`."""
    requires: tuple[str, ...] = ()
    """Ids of exercises that a learner should have done before."""
    rubric: tuple[RubricItem, ...] = ()
    """What a person scores; the gradebook takes the marks."""
    limits: Limits = field(default_factory=Limits)
    gpu_memory_mb: int = 0
    """What a GPU or a slice has to have at least, to be lent."""
    gpu_limits: Limits | None = None
    """What it may use where a GPU is lent: `[limits.gpu]` of the specification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a submission: a checked relative POSIX path and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One code cell of a notebook, as Python."""

    number: int
    """As the learner counts: the first code cell is 1."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A checked copy of what was handed in."""

    files: tuple[SourceFile, ...]
    entry: str
    """Path of the file that is imported, or of the notebook whose cells are run."""
    cells: tuple[Cell, ...] = ()
    """The cells to run, if `entry` is a notebook."""
    digest: str
    """sha256 over the paths and bytes of all files, in hex."""
    origin: str = ""
    """Where it came from, for people to read; never used as a path."""
    learner: str = ""
    notices: tuple[str, ...] = ()
    """What intake did that the learner should know, such as files ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """How a measured number becomes points."""

    better: Literal["lower", "higher"]
    unit: str
    zero: float
    """The value that earns nothing: the baseline to beat."""
    full: float
    """The value that earns every point."""
    scale: Literal["linear", "log"] = "linear"
    pass_share: float = 0.5
    """Share of the check's points from which its outcome is `passed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question that a grader asks, fixed before the submission enters the sandbox."""

    name: str
    title: str
    points: float
    visibility: Visibility
    needs: tuple[str, ...] = ()
    hint: str = ""
    teaches: str = ""
    """The heading it stands under in its grader, such as `the loss`; empty where there is none."""
    metric: MetricSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A metric's value and how sure it is."""

    value: float
    low: float | None = None
    """Lower end of the 95 % interval, if one was computed."""
    high: float | None = None
    interval: str = ""
    """Which kind of interval it is, such as `basic bootstrap, 200 replicates`."""
    n: int | None = None
    """Number of samples, tokens or cases behind the value."""
    values: tuple[float, ...] = ()
    """The value of each seed, where several were needed to decide; then `value` is their mean."""
    encoder: str = ""
    """sha256 of the weights that features were taken with, in hex; several have spaces between."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image that the grader drew from what it saw."""

    kind: Literal["picture"] = "picture"
    title: str
    png_base64: str
    """PNG written by the grader; never a file that came out of the sandbox."""
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSample:
    """Text that a submission produced: quoted, never interpreted."""

    kind: Literal["text"] = "text"
    title: str
    text: str
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A series that the grader saw, such as a training loss."""

    kind: Literal["curve"] = "curve"
    title: str
    values: tuple[float, ...]
    x_label: str = "step"
    y_label: str = "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Sound that the grader made from notes or samples that it saw."""

    kind: Literal["sound"] = "sound"
    title: str
    wav_base64: str
    """WAV, 16 bit, one channel, written by the grader; never a file that came out of the sandbox."""
    caption: str = ""


Exhibit = Picture | TextSample | Curve | Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What became of one check, in words a learner can act on."""

    name: str
    title: str
    outcome: Outcome
    earned: float
    points: float
    visibility: Visibility = Visibility.PUBLIC
    message: str = ""
    """Why, for the learner; of a hidden check only what gives nothing away."""
    hint: str = ""
    reason: str = ""
    """A short machine-readable cause, such as `timeout`, `memory`, `exception`, `wrong-shape`, `needs`."""
    seconds: float = 0.0
    needs: tuple[str, ...] = ()
    teaches: str = ""
    """The heading it is shown under, with other checks that teach the same."""
    metric: MetricSpec | None = None
    measured: Measurement | None = None
    exhibits: tuple[Exhibit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Points over all checks; `ungraded` ones are in `possible` but can never pass an exercise."""

    earned: float
    possible: float
    passed: bool
    ungraded: float = 0.0
    """Points of checks that have to be graded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU, or a slice of one, that is lent to one submission at a time."""

    uuid: str
    """By which it is lent, such as `GPU-8932f937-d72c-4106-c12f-20bd9faed9f6` or `MIG-...`."""
    name: str
    index: int = 0
    """Its number among those of the machine: `--device cuda:0` is the first."""
    memory_mb: int = 0
    compute: str = ""
    """What it can compute, such as `9.0`."""
    driver: str = ""
    driver_cuda: str = ""
    """The newest CUDA that the driver runs, such as `13.0`."""
    torch: str = ""
    """The version that ran in the sandbox, told there before the submission came in."""
    cuda: str = ""
    """The CUDA of that torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a result comes from, enough to replay it."""

    roadmark: str
    python: str
    torch: str
    exercise_digest: str
    grader_digest: str
    sandbox: Literal["docker", "process"]
    tier: str
    """How strong the wall was, such as `docker: runc, seccomp, no network` or `process: no isolation`."""
    image: str = ""
    device: str = "cpu"
    """`cpu`, or the number of the GPU that was lent, such as `cuda:0`."""
    gpu: Gpu | None = None
    """The GPU that was lent, with driver, CUDA and torch."""
    seed: str = ""
    """The run's seed in hex: `roadmark grade --seed` replays it."""
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    worker_starts: int = 0
    closest_call: float | None = None
    """The largest share of its own time limit that a call used, 0 to 1."""
    peak_memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that is known about one graded submission."""

    schema_version: int = RESULT_SCHEMA
    exercise: str
    exercise_title: str
    learner: str
    submission: str
    """Digest of the files that were graded."""
    origin: str
    score: Score
    checks: tuple[CheckResult, ...]
    pass_mark: float
    kind: Literal["grade", "check"] = "grade"
    """`check` ran the public checks only."""
    notices: tuple[str, ...] = ()
    notebook: str = ""
    """The notebook with the outputs of a fresh run, as JSON, if the exercise asks for a lab report."""
    log: str = ""
    """What the submission printed during import and public checks: capped, control characters removed."""
    provenance: Provenance
