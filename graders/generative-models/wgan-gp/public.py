"""What a learner may run: the losses, the penalty and its gradients, the networks, the training."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from harness.grading import assert_close, check, expect_array, expect_number, kind_of, wrong
from harness.proxy import Remote

STEP: Final = 1e-8
"""Of difference quotients in double precision: so small that hardly ever a kink of ReLU lies between."""


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape))


# ---- the losses ----------------------------------------------------------------------------


@check(points=2, hint="The critic raises real scores and lowers fake ones; the generator raises its own.")
def test_losses_are_differences_of_means(submission, rng):
    """The critic widens the gap between mean scores, and the generator raises its side of it"""
    for real, fake in ((5, 5), (3, 8), (1, 1)):
        real_scores, fake_scores = drawn(rng, real) * 3 + 1, drawn(rng, fake) * 3
        gap = float(real_scores.mean() - fake_scores.mean())
        got = submission.critic_loss(real_scores.float(), fake_scores.float())
        assert_close(expect_number(got, what="critic_loss"), -gap, rtol=1e-3, atol=1e-3, what="critic_loss")
        got = submission.generator_loss(fake_scores.float())
        want = -float(fake_scores.mean())
        assert_close(
            expect_number(got, what="generator_loss"), want, rtol=1e-3, atol=1e-3, what="generator_loss"
        )


@check(points=1, hint="shares has shape (n,) and the points (n, d): give it an axis, shares[:, None].")
def test_points_lie_between_their_pairs(submission, rng):
    """Each point lies on the line of its own pair, at its own share"""
    for n, d in ((6, 2), (3, 3), (1, 5)):
        real, fake, shares = rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.uniform(size=n)
        shares[0] = 1.0
        got = submission.interpolate(*(torch.tensor(each).float() for each in (real, fake, shares)))
        want = np.stack([s * r + (1 - s) * f for s, r, f in zip(shares, real, fake, strict=True)])
        assert_close(got, want, rtol=1e-3, what="interpolate(real, fake, shares)")


# ---- the penalty ---------------------------------------------------------------------------


def slopes(critic, points):
    """Return the critic's slopes (n, d) at points (n, d), by difference quotients of its scores."""
    found = np.empty(points.shape)
    for axis in range(points.shape[1]):
        ahead, behind = points.copy(), points.copy()
        ahead[:, axis] += STEP
        behind[:, axis] -= STEP
        found[:, axis] = (critic(ahead, exact=True) - critic(behind, exact=True)) / (2 * STEP)
    return found


def penalty(critic, points):
    """Return the mean of (|slope| - 1)², by difference quotients."""
    return float(np.mean((np.linalg.norm(slopes(critic, points), axis=1) - 1) ** 2))


@check(
    points=3,
    hint="The slope of each point's own score; its length over the coordinates; minus 1; squared; the mean.",
)
def test_penalty_measures_slopes(submission, critic, rng):
    """The penalty is the mean squared distance of the slopes' lengths from 1"""
    weights = critic.weights()
    for n, size in ((12, 2.0), (12, 0.4), (1, 1.0)):  # steep slopes, gentle ones, a single point
        critic.remote.load_state_dict({name: size * value for name, value in weights.items()})
        points = rng.normal(size=(n, 2))
        got = submission.gradient_penalty(critic.remote, torch.tensor(points))
        got = expect_number(got, what="gradient_penalty(critic, points)")
        want = penalty(critic, points)
        assert_close(got, want, rtol=1e-3, atol=1e-4, what="gradient_penalty(critic, points)")


@check(
    points=3,
    needs=[
        test_losses_are_differences_of_means,
        test_points_lie_between_their_pairs,
        test_penalty_measures_slopes,
    ],
    hint="autograd.grad(..., create_graph=True) keeps slopes differentiable; without, nothing is learnt.",
)
def test_penalty_reaches_the_weights(submission, critic, rng):
    """The gradient of the critic's objective is its slope by every weight, the penalty's part included"""
    real, fake, shares = rng.normal(size=(7, 2)), 2 * rng.normal(size=(7, 2)), rng.uniform(size=7)
    weight = float(rng.uniform(3, 6))
    given = [torch.tensor(each) for each in (real, fake, shares)]
    got = submission.critic_gradients(critic.remote, *given, weight)
    weights = critic.weights()
    if not isinstance(got, dict) or not got or set(got) - set(weights):
        wrong(
            f"critic_gradients: expected gradients by names of parameters, got {kind_of(got)}.",
            reason="wrong-type",
        )
    for name, slope in got.items():
        if not isinstance(slope, torch.Tensor) or slope.shape != weights[name].shape:
            wrong(f"critic_gradients: that of {name} is {kind_of(slope)}.", reason="wrong-shape")
    errors = [_slope_error(critic, weights, got, (real, fake, shares, weight), rng) for _ in range(5)]
    if not np.median(errors) < 0.02:
        wrong("The gradients are not the slopes of critic_loss + weight * gradient_penalty.")


def _slope_error(critic, weights, gradients, given, rng, step=1e-9):
    """Return how far slope and difference quotient differ along a random way, over the gradient's length.

    The step is so small that hardly ever a kink of ReLU, where the penalty jumps, lies between.
    """
    ways = {name: torch.tensor(rng.normal(size=tuple(slope.shape))) for name, slope in gradients.items()}
    slope = sum(float((ways[name] * gradients[name].double()).sum()) for name in ways)
    size = np.sqrt(sum(float(value.double().square().sum()) for value in gradients.values()))
    ends = []
    try:
        for way in (step, -step):
            moved = {name: weights[name] + way * ways[name] for name in ways}
            critic.remote.load_state_dict(weights | moved)
            ends.append(_objective(critic, *given))
    finally:
        critic.remote.load_state_dict(weights)
    return abs((ends[0] - ends[1]) / (2 * step) - slope) / max(size, 1e-12)


def _objective(critic, real, fake, shares, weight):
    between = shares[:, None] * real + (1 - shares[:, None]) * fake
    back = critic.remote.vjp(torch.tensor(between), cotangent=torch.ones(len(between)).double())
    exact = expect_array(next(iter(back.inputs), None), shape=between.shape, what="the critic's slopes")
    lengths = np.linalg.norm(exact.astype(np.float64), axis=1)
    gap = critic(fake, exact=True).mean() - critic(real, exact=True).mean()
    return gap + weight * float(np.mean((lengths - 1) ** 2))


# ---- networks and training -----------------------------------------------------------------


@check(
    points=1,
    hint="Generator: (n, 2) to (n, 2). Critic: (n, 2) to (n,). The penalty is per point: no batch norm.",
)
def test_rows_are_on_their_own(submission, critic, rng):
    """A point's score, and what noise becomes, do not depend on the rest of the batch"""
    generator = submission.Generator()
    if not isinstance(generator, Remote):
        wrong(f"Generator(): expected a network, got {kind_of(generator)}.", reason="wrong-type")
    rows = rng.normal(size=(9, 2))
    critic.remote.train()  # what the batch does to it shows in training
    scores = critic(rows, exact=True)
    if np.ptp(scores) < 1e-9:
        wrong("The critic gives all points the same score.")
    alone = np.concatenate([critic(rows[[place]], exact=True) for place in range(3)])
    assert_close(
        alone, scores[:3], rtol=1e-3, atol=1e-4, what="the score of a point, alone and among others,"
    )


@check(
    points=1,
    needs=[test_penalty_reaches_the_weights, test_rows_are_on_their_own],
    hint="torch.manual_seed(seed) before anything is drawn: first weights, batches, noise and shares.",
)
def test_training_follows_its_seed(fit, data, rng):
    """The same seed trains the same generator, another seed another one"""
    seed, noise = rng.seed(), rng.normal(size=(20, 2))
    runs = [fit(data[:500], steps=4, batch=16, seed=number) for number in (seed, seed, seed + 1)]
    first, again, other = (run.generator(noise) for run in runs)
    assert_close(
        again, first, rtol=1e-3, atol=1e-3, what="what noise becomes after training twice with one seed"
    )
    if np.allclose(other, first, atol=1e-3):
        wrong("Training with another seed gave the same generator.")
    if np.ptp(first, axis=0).max() < 1e-6:
        wrong("The generator turns all noise into the same point.")
