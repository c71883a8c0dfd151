"""Every submission of the catalogue, graded in real containers: what came of it, in which words, and to whom."""

import re
from pathlib import Path

import pytest

from tests.hostile.arena import COURSE, HONEST, LEARNER, UNTOUCHED, Arena, grade_path, job_of
from tests.hostile.catalogue import Attack, attacks
from tests.hostile.together import identifier

pytestmark = pytest.mark.docker
ATTACKS = list(attacks())
ALONE = [attack for attack in ATTACKS if not (attack.together or attack.nightly)]
TOGETHER = [attack for attack in ATTACKS if attack.together]
NIGHTLY = [attack for attack in ATTACKS if attack.together or attack.nightly]
ALL_TOGETHER = "together"
FORGED = Path("/tmp/roadmark-was-forged")  # made by the payloads of F24 and F25, if anybody runs them


def by_name(attack: Attack) -> str:
    return attack.name


@pytest.fixture(scope="module")
def arena(request, image):
    """Grades what was chosen of this module's tests, ahead of them."""
    chosen = [item for item in request.session.items if item.path == request.path]
    wanted = [item.callspec.params["attack"] for item in chosen if hasattr(item, "callspec")]
    jobs = {ALL_TOGETHER: job_of(*TOGETHER)} if any(attack.together for attack in wanted) else {}
    jobs |= {attack.name: job_of(attack) for attack in wanted if not attack.together}
    jobs |= {
        f"{item.callspec.params['attack'].name} alone": job_of(item.callspec.params["attack"])
        for item in chosen
        if "nightly" in item.name
    }
    arena = Arena(jobs)
    yield arena
    arena.close()


def agrees(verdict: str, wanted: str) -> bool:
    """Whether a verdict is the wanted one; `crashed: a|b` takes either reason."""
    outcome, _, reasons = wanted.partition(": ")
    return verdict in [f"{outcome}: {reason}" if reason else outcome for reason in reasons.split("|")]


def require(attack: Attack, graded, verdicts: dict[str, str], said: str) -> None:
    """What came of it is what the catalogue says, nobody was fooled, and nobody else was hurt."""
    wanted = {name: attack.wanted[name] for name in verdicts}
    wrong = {name: verdict for name, verdict in verdicts.items() if not agrees(verdict, wanted[name])}
    assert not wrong, (attack.name, wanted, said)
    assert said.startswith(attack.says), (attack.name, said)
    assert len(said) < 4100
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", said)
    assert graded.learner == LEARNER
    assert not FORGED.exists(), "a payload ran outside of the sandbox"


@pytest.mark.parametrize("attack", ALONE, ids=by_name)
def test_what_comes_of_it(arena, attack, tally):
    graded = arena.graded(attack.name)
    tally.update(graded=1, believed=int(graded.earned > attack.due))
    require(attack, graded, graded.verdicts, graded.messages["squares"])
    assert graded.earned == attack.due
    beside = arena.beside(graded)
    assert beside, "nobody honest was graded beside it"
    assert [one.verdicts for one in beside] == [UNTOUCHED] * len(beside), "an honest score has changed"


@pytest.mark.parametrize("attack", TOGETHER, ids=by_name)
def test_what_comes_of_it_among_others(arena, attack, tally):
    graded = arena.graded(ALL_TOGETHER)
    name = identifier(attack)
    believed = graded.verdicts[name] == "passed" != attack.squares
    tally.update(graded=1, believed=int(believed))
    require(attack, graded, {"squares": graded.verdicts[name]}, graded.messages[name])
    assert next(one.verdicts for one in arena.beside(graded)) == UNTOUCHED


@pytest.mark.slow
@pytest.mark.parametrize("attack", NIGHTLY, ids=by_name)
def test_what_comes_of_it_nightly(arena, attack, tally):
    graded = arena.graded(f"{attack.name} alone")
    tally.update(graded=1, believed=int(graded.earned > attack.due))
    require(attack, graded, graded.verdicts, graded.messages["squares"])
    assert graded.earned == attack.due
    assert next(one.verdicts for one in arena.beside(graded)) == UNTOUCHED


# ---- what takes more than one grading ----------------------------------------------------------


def test_nothing_that_was_asked_in_secret_is_told(image):
    """F53: what a hidden check asked is in no message; a public check's inputs are the learner's to see."""
    attack = next(attack for attack in ATTACKS if attack.name.startswith("F53"))
    graded = grade_path(attack.path)
    hidden = graded.messages["cubes"]
    assert hidden == "ValueError (small.py, line 8)"
    asked = re.findall(r"asked: \[(.*?)\]", graded.text)
    assert len(asked) <= 2, "the log of a hidden check is told"


def test_a_file_that_changes_after_it_was_read_changes_nothing(image, tmp_path, monkeypatch):
    """F56: what is graded are the bytes whose digest the result tells."""
    from harness.catalog import load_exercise
    from harness.grade import Options, grade
    from harness.intake import read_submission

    spec = load_exercise(COURSE.exercise_folder("arena/small"))
    file = tmp_path / "small.py"
    file.write_text("def square(x):\n    return x\n")
    submission = read_submission(file, spec)
    file.write_bytes((HONEST / "small.py").read_bytes())
    result = grade(COURSE, spec, submission, Options())
    assert result.score.earned == 0
    assert result.submission == submission.digest


def test_every_attempt_is_asked_other_questions(image, tmp_path):
    """F57: a seed is drawn for each grading, so that no attempt learns what the next is asked."""
    file = tmp_path / "small.py"
    file.write_text("def square(x):\n    print('asked', x.tolist())\n    return x * x\n")
    asked = [tuple(re.findall(r"asked (\[.*?\])", grade_path(file).text)) for _ in range(2)]
    assert len(set(asked)) == 2
    assert all(asked)
