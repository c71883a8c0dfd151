"""Results as the grader might write them, for tests and screenshots: passed, good with pictures, half right."""

import base64
import dataclasses
import io
import json
import math

import numpy as np
from PIL import Image

from harness.exhibits import Show
from harness.records import (
    CheckResult,
    Curve,
    Exercise,
    Measurement,
    MetricSpec,
    Outcome,
    Picture,
    Provenance,
    Result,
    Score,
    TextSample,
    Visibility,
)

HIDDEN = Visibility.HIDDEN
PROVENANCE = Provenance(
    roadmark="0.1.0",
    python="3.11.2",
    torch="2.13.0+cpu",
    exercise_digest="9f1c2ab07d3e44b1" * 4,
    grader_digest="07bd19ee52c1f0aa" * 4,
    sandbox="docker",
    tier="docker: runc, seccomp, no network",
    image="sha256:" + "4d5e8812c9a0b7f3" * 4,
    seed="5f2c90e1b7a84d36",
    started="2026-03-12T14:03:11+00:00",
    finished="2026-03-12T14:03:14+00:00",
    seconds=3.41,
    worker_starts=1,
    peak_memory_mb=311.5,
)
ATTENTION = Exercise(
    id="transformers/attention",
    title="Attention, masks and positions",
    summary="Build scaled dot-product and multi-head attention, layer normalisation and sinusoidal positions.",
    entry="attention.py",
)
VAE = Exercise(
    id="generative-models/vae",
    title="A variational autoencoder for sprites",
    summary="Encode, sample and decode 12×12 sprites, and train on the evidence lower bound.",
    entry="vae.py",
)
GPT = Exercise(
    id="transformers/gpt",
    title="A small GPT",
    summary="A decoder-only character model, from causal attention to generation.",
    entry="gpt.py",
)


def check(name="a", outcome=Outcome.PASSED, earned=None, points=2.0, **more):
    """Return a check result; a passed one earns everything unless said otherwise."""
    earned = (points if outcome is Outcome.PASSED else 0.0) if earned is None else earned
    more.setdefault("title", f"check {name}")
    return CheckResult(name=name, outcome=outcome, earned=earned, points=points, **more)


def result(*checks, exercise=ATTENTION, pass_mark=0.7, provenance=PROVENANCE, **more):
    """Return a result with the score that follows from its checks."""
    earned, possible = sum(c.earned for c in checks), sum(c.points for c in checks)
    ungraded = sum(c.points for c in checks if c.outcome is Outcome.UNGRADED)
    passed = possible > 0 and not ungraded and earned >= pass_mark * possible
    return Result(
        exercise=exercise.id,
        exercise_title=exercise.title,
        learner=more.pop("learner", "Ada Okonkwo"),
        submission="c0ffee1234567890" * 4,
        origin=more.pop("origin", exercise.entry),
        score=Score(earned=earned, possible=possible, passed=passed, ungraded=ungraded),
        checks=checks,
        pass_mark=pass_mark,
        provenance=provenance,
        **more,
    )


def attention():
    """The reference of the attention exercise: every point."""
    public = [
        ("definition", "`attention(q, k, v)` follows its definition on random input", 2, 0.021),
        ("masked", "A mask keeps masked tokens out of the weighted mean", 2, 0.014),
        ("heads", "Multi-head attention splits, attends and joins the heads", 2, 0.033),
        ("norm", "Layer normalisation has zero mean and unit variance", 1, 0.009),
        ("positions", "Sinusoidal positions match the formula at every index", 1, 0.006),
    ]
    hidden = [
        ("large", "Large scores do not overflow the softmax", 2, 0.012),
        ("empty_row", "A fully masked row gives zeros, not NaN", 2, 0.01),
        ("gradient", "Gradients flow back through the heads", 3, 0.088),
        ("float64", "float64 input keeps float64 precision", 2, 0.024),
    ]
    return result(
        *(check(n, title=t, points=p, seconds=s) for n, t, p, s in public),
        *(check(n, title=t, points=p, seconds=s, visibility=HIDDEN) for n, t, p, s in hidden),
    )


def png(pixels):
    """Return an array of grey levels (rows, columns), uint8, as PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def sprites(columns, rows, seed=5, blur=0.0):
    """Return a grid of 12×12 sprites with a pixel between them."""
    rng = np.random.default_rng(seed)
    grid = np.full((rows * 13 - 1, columns * 13 - 1), 255, np.uint8)
    y, x = np.mgrid[:12, :12]
    for i in range(rows * columns):
        cx, cy, r = *rng.uniform(4, 8, 2).tolist(), rng.uniform(2, 4.5)
        shapes = (
            np.hypot(x - cx, y - cy) < r,
            np.maximum(abs(x - cx), abs(y - cy)) < r * 0.85,
            abs(x - cx) + abs(y - cy) < r * 1.2,
            np.minimum(abs(x - cx), abs(y - cy)) < 1.1,
        )
        shade = shapes[rng.integers(4)] * rng.uniform(0.55, 1.0) + rng.normal(0, blur, (12, 12))
        row, column = divmod(i, columns)
        grid[row * 13 : row * 13 + 12, column * 13 : column * 13 + 12] = 16 + 224 * shade.clip(0, 1)
    return png(grid)


def loss(start, end, steps=400, seed=1, noise=0.6):
    """Return a noisy training loss that falls from start to end."""
    rng = np.random.default_rng(seed)
    return tuple(end + (start - end) * math.exp(-9 * i / steps) + noise * rng.normal() for i in range(steps))


def vae():
    """A good variational autoencoder: a metric between its marks, one beyond them, one that failed."""
    fid = MetricSpec(better="lower", unit="relative FID, sprite encoder", zero=0.42, full=0.06)
    bound = MetricSpec(better="lower", unit="nats above the exact density", zero=2.4, full=0.15, scale="log")
    coverage = MetricSpec(
        better="higher", unit="share of held-out sprites with a neighbour", zero=0.35, full=0.8
    )
    return result(
        check(
            "encode",
            title="`encode(x)` returns a mean and a log-variance for each sprite",
            points=2,
            seconds=0.031,
        ),
        check(
            "reparameterise", title="`reparameterise` has the right mean and spread", points=2, seconds=0.044
        ),
        check("kl", title="The KL term agrees with its closed form", points=2, seconds=0.012),
        check(
            "training",
            title="Training lowers the negative ELBO",
            points=2,
            seconds=21.4,
            exhibits=(Curve(title="Negative ELBO", values=loss(98, 31.5), y_label="nats per sprite"),),
        ),
        check(
            "quality",
            title="The samples look like held-out sprites",
            earned=3.36,
            points=4,
            visibility=HIDDEN,
            seconds=1.9,
            metric=fid,
            measured=Measurement(
                value=0.118,
                low=0.097,
                high=0.143,
                interval="basic bootstrap, 200 replicates",
                n=1000,
                notes=(
                    "The baseline is a Gaussian fitted to the pixels; the full mark is the bar of 8 reference runs.",
                ),
            ),
            exhibits=(
                Picture(
                    title="Your samples",
                    png_base64=sprites(8, 8, blur=0.06),
                    caption="The first 64 of 1,000.",
                ),
                Picture(
                    title="Held-out sprites",
                    png_base64=sprites(8, 8, seed=9),
                    caption="What they are compared with.",
                ),
            ),
        ),
        check(
            "bound",
            title="The importance-weighted bound is tight on a source with exact density",
            points=3,
            visibility=HIDDEN,
            seconds=2.6,
            metric=bound,
            measured=Measurement(
                value=0.121, low=0.098, high=0.144, interval="mean ± 1.96 standard errors", n=2000
            ),
        ),
        check(
            "coverage",
            Outcome.FAILED,
            title="The samples cover all kinds of sprites",
            earned=0.6,
            points=3,
            visibility=HIDDEN,
            seconds=0.4,
            message="Your samples leave out whole kinds of sprites: the same few shapes come again and again.",
            hint="a KL term that is weighted too strongly makes the decoder ignore the latent code",
            reason="below-mark",
            metric=coverage,
            measured=Measurement(value=0.44, low=0.41, high=0.47, interval="binomial", n=1000),
        ),
        check("copies", title="Samples are not training images", points=2, visibility=HIDDEN, seconds=0.7),
        exercise=VAE,
        learner="Jonas Weiß",
        log="step    0  loss 98.2\nstep  500  loss 44.1\nstep 1000  loss 36.0\nstep 2500  loss 31.5\n",
    )


def gpt():
    """Half right: a wrong answer with skips, a crash, a timeout and one of our own faults."""
    bits = MetricSpec(better="lower", unit="bits per character above the entropy rate", zero=0.9, full=0.05)
    return result(
        check("shapes", title="Logits have shape (batch, tokens, vocabulary)", points=1, seconds=0.02),
        check("loss", title="The loss is the mean cross-entropy in nats", points=2, seconds=0.01),
        check(
            "causal",
            Outcome.FAILED,
            title="A token never sees what comes after it",
            points=3,
            seconds=0.09,
            reason="wrong-values",
            message="Changing token 7 changed the logits of tokens 0 to 6, by up to 3.1.\nexpected: no change before the token that changed\n     got: a change at positions 0, 1, 2, 3, 4, 5, 6",
            hint="mask the scores above the diagonal with `-inf` before the softmax",
        ),
        check(
            "training",
            Outcome.SKIPPED,
            title="Training reaches the stated loss",
            points=3,
            needs=("causal",),
            reason="needs",
            message="Not asked: 'causal' has to pass first.",
        ),
        check(
            "generate",
            Outcome.CRASHED,
            title="`generate` continues a prompt by the asked number of characters",
            points=2,
            seconds=0.3,
            reason="exception",
            message='IndexError: index 64 is out of bounds for dimension 0 with size 64\n  File "gpt.py", line 88, in generate\n    logits = self(tokens)[:, -1]\n  File "gpt.py", line 61, in forward\n    x = self.embed(tokens) + self.position[: tokens.shape[1]]',
            hint="keep only the last `context` tokens before each forward pass",
            exhibits=(
                TextSample(
                    title="What it wrote before it stopped",
                    text="the cat sat on the mat and the mat sat on the cat and the cath th thhh",
                    caption="Prompt: `the cat`",
                ),
            ),
        ),
        check(
            "perplexity",
            Outcome.SKIPPED,
            title="Held-out text costs few bits above the entropy rate",
            points=4,
            needs=("training",),
            visibility=HIDDEN,
            reason="needs",
            metric=bits,
        ),
        check(
            "speed",
            Outcome.CRASHED,
            title="A batch of 64 sequences goes through in time",
            points=2,
            visibility=HIDDEN,
            seconds=30,
            reason="timeout",
            message="There was no answer within 30 s.",
            hint="attend to all heads and tokens in one matrix product, without Python loops",
        ),
        check(
            "normalised",
            title="Probabilities sum to one for every token",
            points=1,
            visibility=HIDDEN,
            seconds=0.04,
        ),
        check(
            "parity",
            Outcome.UNGRADED,
            title="The blocks agree with an independent implementation",
            points=2,
            visibility=HIDDEN,
            reason="fault",
            message="The sandbox was lost while this check ran.",
        ),
        exercise=GPT,
        learner="Мария Петрова",
        notices=("Ignored 3 files that are not Python: `data.zip`, `notes.md`, `plot.png`.",),
        provenance=dataclasses.replace(
            PROVENANCE,
            sandbox="process",
            tier="process: no isolation",
            image="",
            worker_starts=3,
            seconds=64.2,
        ),
        log="".join(f"epoch {i:3d}  loss {4.1 * 0.99**i:.4f}\n" for i in range(120)),
    )


def earlier(latest, *shares):
    """Return earlier attempts at what became `latest`, each with a share of its points."""
    possible = latest.score.possible
    return tuple(
        dataclasses.replace(
            latest,
            score=Score(
                earned=round(share * possible, 1), possible=possible, passed=share >= latest.pass_mark
            ),
            provenance=dataclasses.replace(latest.provenance, finished=f"2026-03-{day:02d}T09:20:00+00:00"),
        )
        for day, share in enumerate(shares, 4)
    )


def everything():
    """One result with every kind of row, metric, exhibit and notice that a page can show."""
    good, bad = vae(), gpt()
    melody = check("melody", title="A melody keeps the rules", exhibits=(tone(),), teaches="music")
    rest = (c for c in good.checks if c.name != "training")
    return dataclasses.replace(bad, checks=(*bad.checks, *rest, melody))


def tone(hertz=440):
    """Return half a second of a tone, as a grader shows it."""
    show = Show()
    show.sound(
        "What it composed", np.sin(2 * np.pi * hertz * np.arange(4000) / 8000), caption="Half a second."
    )
    return show.exhibits[0]


def lab_report():
    """Return a notebook as it comes back from the sandbox: text, a table, code, output, a picture, an error."""
    text = "# My lab report\n\nTrained with `lr=0.1`.\n\n| steps | loss |\n|---|---|\n| 10 | 0.5 |\n\n- one\n- two"
    error = {
        "output_type": "error",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
        "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m: division by zero"],
    }
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {
            "image/png": sprites(6, 2),
            "text/plain": "<Figure>",
            "text/html": "<script>alert(1)</script>",
        },
    }
    stream = {"output_type": "stream", "name": "stdout", "text": "0.5\n"}
    cells = [
        {"cell_type": "markdown", "id": "text", "metadata": {}, "source": text},
        *(
            {
                "cell_type": "code",
                "id": f"code-{number}",
                "metadata": {},
                "execution_count": number,
                "source": source,
                "outputs": [output],
            }
            for number, (source, output) in enumerate(
                [("print(loss)", stream), ("plot(samples)  # six", picture), ("1 / 0", error)], 1
            )
        ),
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
