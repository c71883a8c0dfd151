"""A made-up cohort: learners of known strength, checks of known difficulty, one check that measures nothing."""

import dataclasses
import math
import random

from learner_samples import HIDDEN, PROVENANCE, check, result

from harness.records import Exercise, Measurement, MetricSpec, Outcome
from reports.dossiers import Anchors, Dossier, Mutants, Survivor, Wrong
from reports.roadmap import Stage

PEOPLE = [
    "Ada Okonkwo",
    "Jonas Weiß",
    "Мария Петрова",
    "李小龙",
    "Zoë Müller",
    "Ali Haddad",
    "Noor van Dijk",
    "Søren Ø",
    "Priya Nair",
    "مريم حسن",
]
TITLES = [
    "`attention(q, k, v)` follows its definition on random input",
    "A mask keeps masked tokens out of the weighted mean",
    "Multi-head attention splits, attends and joins the heads",
    "Layer normalisation has zero mean and unit variance",
    "Sinusoidal positions match the formula at every index",
    "Large scores do not overflow the softmax",
    "A fully masked row gives zeros, not NaN",
    "Gradients flow back through the heads",
]
FID = MetricSpec(better="lower", unit="relative FID, sprite encoder", zero=0.42, full=0.06)
BITS = MetricSpec(
    better="lower", unit="bits per character above the entropy rate", zero=0.9, full=0.05, scale="log"
)


def exercise(name="transformers/attention", title="Attention, masks and positions", **more):
    return Exercise(id=name, title=title, summary=f"About {title.lower()}.", entry="work.py", **more)


STAGES = (
    Stage(id="using", title="Using generative AI", summary="Choose tools, write prompts, judge answers."),
    Stage(
        id="generative-models",
        title="Generative models",
        summary="Autoencoders, likelihood, adversaries: models that make data.",
        exercises=(
            exercise(
                "generative-models/vae",
                "A variational autoencoder for sprites",
                difficulty="hard",
                minutes=180,
            ),
        ),
    ),
    Stage(
        id="transformers",
        title="Transformers",
        summary="Attention, and the models that stand on it.",
        exercises=(exercise(), exercise("transformers/gpt", "A small GPT", minutes=150)),
    ),
    Stage(
        id="alignment",
        title="Alignment",
        summary="From preferences to policies.",
        exercises=(exercise("alignment/dpo", "Preferences without a reward model", difficulty="hard"),),
    ),
)
EXERCISES = [one for stage in STAGES for one in stage.exercises][:3]


def learner(index):
    """Return a name; no two learners share one."""
    name = PEOPLE[index % len(PEOPLE)]
    return name if index < len(PEOPLE) else f"{name} {index // len(PEOPLE) + 1}"


def outcome_for(deal, strength, difficulty):
    """Return passed the likelier the stronger the learner is, as in the Rasch model."""
    if deal.random() < 1 / (1 + math.exp(difficulty - strength)):
        return Outcome.PASSED
    return deal.choices([Outcome.FAILED, Outcome.CRASHED, Outcome.SKIPPED], [6, 2, 2])[0]


def attempt(index, checks=12, *, of=EXERCISES[1], seed=0, strength=None):
    """Return one learner's result: about every 40th has a check that a fault of ours left open."""
    deal = random.Random(f"{index} {of.id} {seed}")
    strength = deal.gauss(0.6, 1.2) if strength is None else strength
    rows = [_row(deal, number, checks, strength) for number in range(checks)]
    if deal.random() < 0.025:
        rows[-2] = dataclasses.replace(
            rows[-2],
            outcome=Outcome.UNGRADED,
            earned=0.0,
            reason="fault",
            message="The sandbox was lost while this check ran.",
        )
    seconds = deal.lognormvariate(1.5, 0.5) * (8 if deal.random() < 0.01 else 1)
    day = f"2026-03-{1 + index % 20:02d}"
    provenance = dataclasses.replace(PROVENANCE, seconds=seconds, finished=f"{day}T1{index % 10}:20:00+00:00")
    made = result(*rows, exercise=of, learner=learner(index), provenance=provenance)
    return dataclasses.replace(made, submission=f"{index:064x}")


def _row(deal, number, checks, strength):
    title = TITLES[number % len(TITLES)] + (
        f", part {number // len(TITLES) + 1}" if number >= len(TITLES) else ""
    )
    hidden = {"visibility": HIDDEN} if number >= checks // 2 else {}
    if number == 1:  # a check that luck decides
        outcome = deal.choice([Outcome.PASSED, Outcome.FAILED])
    else:
        outcome = outcome_for(deal, strength, -2.5 + 4.5 * number / checks)
    more = {
        "reason": {"failed": "wrong-values", "crashed": deal.choice(["exception", "timeout"])}.get(
            outcome, ""
        )
    }
    if outcome in (Outcome.FAILED, Outcome.CRASHED):
        more |= {"message": "expected 3 rows\n     got 2", "hint": "count them"}
    seconds = deal.lognormvariate(-1, 0.6)
    if number in (checks - 1, checks - 3):
        spec = FID if number == checks - 1 else BITS
        value = spec.full * math.exp(deal.gauss(1.2 - 0.5 * strength, 0.35))
        outcome = Outcome.PASSED if value < (spec.full + spec.zero) / 2 else Outcome.FAILED
        more = {
            "metric": spec,
            "measured": Measurement(value=value),
            "reason": "" if outcome is Outcome.PASSED else "below-mark",
        }
        seconds *= 20
    return check(
        f"check_{number}", outcome, title=title, points=1 + number % 3, seconds=seconds, **hidden, **more
    )


def attempts(learners=24, checks=12, exercises=tuple(EXERCISES), tries=2):
    """Yield a cohort's results as a site takes them; not everybody hands in everything."""
    for index in range(learners):
        for number, of in enumerate(exercises):
            if number and index % 4 == number:
                continue
            for turn in range(1 + index % tries):
                yield attempt(index, checks, of=of, seed=turn)


def dossier(checks=12):
    """Return a dossier with wrong solutions, mutants and anchors for `attempt`."""
    return Dossier(
        checks=(*(f"check_{i}" for i in range(checks)), "keeps_its_word"),
        wrong=(
            Wrong(
                name="softmax_over_queries",
                mistake="Normalises over the wrong axis: each column sums to one.",
                checks={"check_0": Outcome.FAILED, "check_3": Outcome.SKIPPED},
                proved=True,
            ),
            Wrong(
                name="inverts_the_mask",
                mistake="Attends to what is masked.",
                checks={"check_1": Outcome.FAILED, "check_4": Outcome.CRASHED},
            ),
            Wrong(
                name="library",
                mistake="Calls the library.",
                checks={"check_5": Outcome.FAILED, f"check_{checks - 1}": Outcome.FAILED},
                proved=False,
            ),
        ),
        mutants=Mutants(
            graded=40,
            caught=38,
            excused=3,
            survivors=(
                Survivor(
                    place="attention.py:31",
                    kind="arithmetic",
                    before="scores = q @ k.T / sqrt(width)",
                    after="scores = q @ k.T * sqrt(width)",
                ),
                Survivor(
                    place="attention.py:58",
                    kind="comparison",
                    before="if mask is not None:",
                    after="if mask is None:",
                ),
            ),
        ),
        anchors={
            f"check_{checks - 1}": Anchors(
                reference=(0.05, 0.055, 0.049, 0.06, 0.051, 0.056), baselines={"pixels": (0.42, 0.41, 0.43)}
            )
        },
        reference_seconds=3.2,
        problems=(
            "graders/transformers/attention/hidden.py:40: 'keeps_its_word' is caught by no wrong solution",
        ),
    )


STARTER = "def attention(q, k, v):\n    raise NotImplementedError\n"
CODE = '''"""My attention."""
import math

def attention(query, keys, values, mask=None):
    """Say it."""
    scores = query @ keys.T / math.sqrt(keys.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1)
    return weights @ values

def heads(x, count):
    batch, tokens, width = x.shape
    parts = x.reshape(batch, tokens, count, width // count)
    return parts.transpose(1, 2)

def positions(length, width):
    table = [[0.0] * width for _ in range(length)]
    for row in range(length):
        for column in range(0, width, 2):
            angle = row / 10000 ** (column / width)
            table[row][column] = math.sin(angle)
            table[row][column + 1] = math.cos(angle)
    return table
'''


def renamed(code):
    """Return the code as somebody hands it in who hopes that nobody looks."""
    for old, new in [
        ("query", "a"),
        ("keys", "b"),
        ("values", "c"),
        ("scores", "grades"),
        ("table", "grid"),
        ("angle", "phi"),
        ('"""Say it."""', '"""Mine, I swear."""  # honest'),
    ]:
        code = code.replace(old, new)
    return "\n".join(line + ("  # x" if line.strip() else "") for line in code.split("\n"))


def other_code(index):
    """Return code of another build for each index."""
    deal = random.Random(index)
    lines = [f"import m{index}"]
    for number in range(40):
        a, b = deal.choice("+-*/%@&|"), deal.choice(["(x)", "[x]", "{x}", ".x", "(x, y)", "[x:y]"])
        lines.append(
            deal.choice(
                [
                    f"v{number} = f{b} {a} g{b}",
                    f"if x {a} y: z{b}",
                    f"for i in f{b}: q {a}= i{b}",
                    f"return lambda x: x{b} {a} 1",
                    f"while a {a} b: c{b} = d{b} {a} e",
                ]
            )
        )
    return "\n".join(lines)
