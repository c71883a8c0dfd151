"""What both graders share: what the program writes, what the report says, and the theory by another way."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, wrong

Floats = npt.NDArray[np.float64]
Key = tuple[str, float, float]
"""Estimator, snr, gamma."""

N: Final = 80
REPEATS: Final = 20
GAMMAS: Final = (0.2, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
PARTS: Final = (("ridgeless", 4.0), ("ridgeless", 1.0), ("ridge", 4.0))
KEYS: Final[Sequence[Key]] = [(*part, gamma) for part in PARTS for gamma in GAMMAS]
COLUMNS: Final = ("estimator", "snr", "gamma", "measured", "low", "high", "limit")
CLAIMS: Final = ("peak", "second-descent", "weak-signal", "ridge", "more-data")
LARGEST: Final = 1e6
"""No number of a draw, and no risk, is larger."""
PROSE: Final = ("paper", "method", "limits")
"""Sections in the learner's own words."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Any:
    """Keep the grader's arithmetic on one thread."""
    with threadpool_limits(1):
        yield


# ---- what is drawn ---------------------------------------------------------------------------


def drawn(answer: object, n: int, p: int) -> tuple[Floats, Floats, Floats]:
    """Return x (n, p), y (n,) and beta (p,), as `draw` has to return them."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        wrong("draw(n, p, snr, seed): expected (x, y, beta).", reason="wrong-type")
    shapes = {"x": (n, p), "y": (n,), "beta": (p,)}
    x, y, beta = (
        expect_array(part, shape=shape, what=f"{name} of draw").astype(float)
        for part, (name, shape) in zip(answer, shapes.items(), strict=True)
    )
    if max(np.abs(part).max() for part in (x, y, beta)) > LARGEST:
        wrong(f"draw(n, p, snr, seed): a number is larger than {LARGEST:g}.")
    return x, y, beta


# ---- what the program writes -----------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """The numbers of a row."""

    measured: float
    low: float
    high: float
    limit: float


Table = dict[Key, Entry]


@pytest.fixture(scope="session")
def results(submission: Any, report: str) -> Table:
    """results.csv of seed 0; the report was read before."""
    assert isinstance(report, str)
    return ran(submission)


@pytest.fixture(scope="session")
def seed(run_rng: Rng) -> int:
    """A seed of this run's own, other than 0."""
    return 1 + int(run_rng.integers(100_000))


@pytest.fixture(scope="session")
def fresh(submission: Any, results: Table, seed: int) -> Table:
    """results.csv of another seed."""
    assert results
    return ran(submission, str(seed))


def ran(submission: Any, *arguments: str) -> Table:
    """Run the program and read what it wrote."""
    line = " ".join(["python reproduce.py", *arguments])
    done = submission.run(*arguments)
    if done.status != 0:
        ended = "did not end in time" if done.status is None else f"ended with status {done.status}"
        wrong(f"{line} {ended}.\n{done.output[-600:]}", reason="crashed")
    return table_of(submission.artefact("results.csv"), "results.csv")


def table_of(rows: object, what: str) -> Table:
    """Return a table of text as numbers: COLUMNS, then a row for each of KEYS, in order."""
    if not isinstance(rows, list) or not rows or [cell.strip().lower() for cell in rows[0]] != [*COLUMNS]:
        wrong(f"{what}: the first line has to be {', '.join(COLUMNS)}.")
    body = [row for row in rows[1:] if row]
    if len(body) != len(KEYS):
        wrong(f"{what}: expected {len(KEYS)} rows, got {len(body)}.")
    return {
        key: entry_of(row, key, f"{what}, row {place}")
        for place, (row, key) in enumerate(zip(body, KEYS, strict=True), 1)
    }


def entry_of(row: Sequence[str], key: Key, what: str) -> Entry:
    """Return the numbers of one row, which has to be the key's."""
    estimator, snr, gamma = key
    if len(row) != len(COLUMNS):
        wrong(f"{what}: expected {len(COLUMNS)} cells, got {len(row)}.")
    numbers = [number_of(cell, what) for cell in row[1:]]
    if row[0].strip(" *`").lower() != estimator or [*numbers[:2]] != [snr, gamma]:
        wrong(f"{what}: expected {estimator}, snr {snr:g}, gamma {gamma:g} here. Is the order right?")
    entry = Entry(*numbers[2:])
    if not 0 < entry.measured < LARGEST:
        wrong(f"{what}: a mean of risks is above 0, and below {LARGEST:g}.")
    if not entry.low <= entry.measured <= entry.high:
        wrong(f"{what}: the mean lies outside of its interval.")
    return entry


def number_of(cell: str, what: str) -> float:
    """Return a cell's number, finite."""
    try:
        number = float(cell.strip(" *`").replace("\u2212", "-"))
    except ValueError:
        wrong(f"{what}: a cell is not a number.")
    if not math.isfinite(number):
        wrong(f"{what}: a number is not finite.", reason="not-finite")
    return number


# ---- what the report says --------------------------------------------------------------------


@pytest.fixture(scope="session")
def report(submission: Any) -> str:
    """report.md as it was handed in, read before the program ran."""
    return str(submission.artefact("report.md"))


@pytest.fixture(scope="session")
def reported(report: str) -> Table:
    """The report's table of results."""
    found = [rows for rows in tables_in(report) if [cell.lower() for cell in rows[0]] == [*COLUMNS]]
    if len(found) != 1:
        wrong(f"report.md: expected one table with the columns {', '.join(COLUMNS)}, found {len(found)}.")
    return table_of(found[0], "report.md")


@pytest.fixture(scope="session")
def claims(report: str) -> dict[str, tuple[float, str]]:
    """The value and the verdict that the report gives for each claim."""
    header = ["claim", "value", "verdict"]
    found = [rows[1:] for rows in tables_in(report) if [cell.lower() for cell in rows[0]] == header]
    if len(found) != 1:
        wrong(f"report.md: expected one table with the columns {', '.join(header)}, found {len(found)}.")
    if sorted(row[0].strip(" *`").lower() for row in found[0]) != sorted(CLAIMS):
        wrong(f"report.md: the claims are {', '.join(CLAIMS)}, each in one row.")
    return {row[0].strip(" *`").lower(): claim_of(row) for row in found[0]}


def claim_of(row: Sequence[str]) -> tuple[float, str]:
    """Return a claim's value and verdict."""
    if len(row) != 3:
        wrong("report.md: a row of claims has three cells.")
    verdict = row[2].strip(" *`.").lower()
    if verdict not in ("holds", "fails"):
        wrong("report.md: a verdict is 'holds' or 'fails'.")
    return number_of(row[1], "report.md, claims"), verdict


def tables_in(text: str) -> list[list[list[str]]]:
    """Return the pipe tables of a Markdown text as rows of cells, without the line of dashes."""
    found: list[list[list[str]]] = [[]]
    for line in without_code(text).splitlines():
        bare = line.strip()
        if "|" not in bare:
            found.append([])
            continue
        cells = [cell.strip() for cell in bare.removeprefix("|").removesuffix("|").split("|")]
        if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            found[-1].append(cells)
    return [rows for rows in found if rows]


def without_code(text: str) -> str:
    """Return a text without its fenced blocks."""
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)


def sections_of(report: str) -> Mapping[str, list[str]]:
    """Return the words of each section of the second level by its heading, tables and code left out."""
    sections: dict[str, list[str]] = {}
    heading = ""
    for line in without_code(report).splitlines():
        if line.startswith("## "):
            heading = line[3:].strip(" #").lower()
            sections.setdefault(heading, [])
        elif "|" not in line and not line.startswith("#"):
            sections.setdefault(heading, []).extend(re.findall(r"[^\W\d_]{2,}", line.lower()))
    return sections


# ---- the truth by another way ----------------------------------------------------------------


def spectrum(gamma: float) -> tuple[Floats, Floats]:
    """Return eigenvalues and weights of the Marchenko-Pastur law above 0, in all min(1, 1 / gamma)."""
    angle = (np.arange(20_000) + 0.5) * np.pi / 20_000
    value = 1 + gamma + 2 * np.sqrt(gamma) * np.cos(angle)
    return value, 2 * np.sin(angle) ** 2 / value / len(angle)


def limit_of(estimator: str, snr: float, gamma: float) -> float:
    """Return the limit of the risk, summed over the spectrum."""
    value, weight = spectrum(gamma)
    at_zero = max(0.0, 1 - 1 / gamma)
    if estimator == "ridgeless":
        return float(snr * at_zero + gamma * (weight / value).sum())
    penalty = gamma / snr
    return float(gamma * ((weight / (value + penalty)).sum() + at_zero / penalty))


def expected_risk(estimator: str, snr: float, gamma: float) -> float:
    """Return the mean risk at N samples: exact without a penalty (inverse Wishart), else the limit."""
    p = round(gamma * N)
    if estimator == "ridge":
        return limit_of(estimator, snr, gamma)
    if p < N:
        return p / (N - p - 1)
    return snr * (1 - N / p) + N / (p - N - 1)


def shortest(x: Floats, y: Floats) -> Floats:
    """Return the least-squares solution of least norm, by singular values."""
    left, value, right = np.linalg.svd(x, full_matrices=False)
    kept = value > 1e-10 * value[0]
    return np.asarray(right[kept].T @ ((left[:, kept].T @ y) / value[kept]))


def penalised(x: Floats, y: Floats, penalty: float) -> Floats:
    """Return the ridge solution as least squares on data with rows added."""
    n, p = x.shape
    rows = np.concatenate([x, np.sqrt(n * penalty) * np.eye(p)])
    return np.asarray(np.linalg.lstsq(rows, np.concatenate([y, np.zeros(p)]), rcond=None)[0])


def value_of(claim: str, table: Table) -> float:
    """Return what the README says a claim's value is."""
    risk = {key: entry.measured for key, entry in table.items()}
    beyond = [gamma for gamma in GAMMAS if gamma > 1]
    match claim:
        case "peak":
            return risk["ridgeless", 4.0, 1.1] / risk["ridgeless", 4.0, 3.0]
        case "second-descent":
            return min(risk["ridgeless", 4.0, gamma] for gamma in beyond) / 4
        case "weak-signal":
            return min(risk["ridgeless", 1.0, gamma] for gamma in beyond)
        case "ridge":
            return max(risk["ridge", 4.0, gamma] / risk["ridgeless", 4.0, gamma] for gamma in GAMMAS)
    return risk["ridgeless", 4.0, 1.1] / risk["ridgeless", 4.0, 2.0]


def verdict_of(claim: str, value: float) -> str:
    """Return whether a claim holds, given its value."""
    holds = {"peak": value > 1, "second-descent": value < 1, "weak-signal": value >= 1}
    return "holds" if holds.get(claim, value <= 1) else "fails"


@pytest.fixture(scope="session")
def paper() -> SimpleNamespace:
    """The paper's numbers and the README's, for both graders."""
    return SimpleNamespace(
        n=N,
        repeats=REPEATS,
        gammas=GAMMAS,
        parts=PARTS,
        claims=CLAIMS,
        prose=PROSE,
        drawn=drawn,
        limit_of=limit_of,
        expected_risk=expected_risk,
        shortest=shortest,
        penalised=penalised,
        sections_of=sections_of,
        value_of=value_of,
        verdict_of=verdict_of,
    )
