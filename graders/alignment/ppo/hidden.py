"""Hidden checks: learners see their titles, outcomes and hints."""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import rel_entr

from harness.grading import assert_close, check, expect_number, metric, wrong

NEAR: Final = 0.01
"""Nats from the reference within which training begins."""
STEP: Final = 0.5
"""Nats on average by which a policy may differ from the one played before; PPO's differ by 0.02."""
MOVED: Final = 0.005
"""Nats: the best policies are at 0.1 and more."""

# ---- what a step was worth -------------------------------------------------------------------


@check(
    points=4,
    needs="advantages_are_sums_of_surprises",
    hint="where an episode ended there is no next value, and nothing later counts",
)
def test_advantages_stop_at_an_end(own_code, rng):
    """What comes after the end of an episode is another story"""
    rewards, values = rng.normal(size=(4, 12)), rng.normal(size=(4, 13))
    ended = rng.random((4, 12)) < 0.3
    ended[0, 11], ended[1, 11], ended[2, 5] = True, False, True
    discount, trace = (float(one) for one in rng.uniform(0.6, 0.99, size=2))
    answer = own_code.advantages(rewards, values, ended, discount, trace)
    truth = np.zeros(rewards.shape)
    for world in range(4):  # each episode by itself, from its first step to its last
        stops = [*(np.flatnonzero(ended[world]) + 1).tolist(), 12]
        for first, last in zip([0, *stops], stops, strict=False):
            following = values[world, first + 1 : last + 1].copy()
            if last > first and ended[world, last - 1]:
                following[-1] = 0
            surprise = rewards[world, first:last] + discount * following - values[world, first:last]
            for step in range(first, last):
                powers = (discount * trace) ** np.arange(last - step)
                truth[world, step] = powers @ surprise[step - first :]
    assert_close(answer, truth, what="advantages(…) with ends")


@check(points=3, hint="divide by the standard deviation, unless it is 0")
def test_advantages_are_normalised(own_code, rng):
    """Normalised estimates have mean 0 and deviation 1, or are 0 where all are equal"""
    estimates = rng.normal(size=(5, 9)) * rng.uniform(0.01, 100) + rng.normal()
    truth = (estimates - np.mean(estimates)) / np.sqrt(np.mean((estimates - np.mean(estimates)) ** 2))
    assert_close(own_code.normalise(estimates), truth, rtol=1e-3, what="normalise(estimates)")
    same = np.full((3, 4), float(rng.integers(1, 9)))
    assert_close(own_code.normalise(same), np.zeros((3, 4)), what="normalise of equal estimates")


# ---- the clipped objective -------------------------------------------------------------------


@check(
    points=5,
    needs="surrogate_takes_the_lesser_gain",
    hint="d ratio = ratio * d log policy; d log policy of a softmax is (1 for the action taken) - policy",
)
def test_gradient_is_of_the_surrogate(own_code, draw):
    """The gradient by the logits is the objective's, where nothing is clipped"""
    batch = draw(change=0.02)
    answer = own_code.surrogate_gradient(*batch.asked())
    assert_close(answer, batch.gradient(), atol=1e-6, what="surrogate_gradient(…) within the clip")


@check(
    points=3,
    needs="gradient_is_of_the_surrogate",
    hint="take the largest score out of each row before the exponential; a state may be missing in a batch",
)
def test_gradient_survives_large_logits(own_code, draw, rng):
    """Large logits, states that nobody visited and actions that are all but sure are no obstacle"""
    batch = draw(change=0.02)
    logits = batch.logits + 1_000  # the same for all actions: the policy does not change
    logits[-1] *= 2  # where nobody was, it does not matter
    answer = own_code.surrogate_gradient(*replace(batch, logits=logits).asked())
    assert_close(answer, batch.gradient(), atol=1e-6, what="surrogate_gradient(…) with large logits")
    taken, other, *_ = rng.permutation(logits.shape[1])
    logits[-1] = 0
    logits[-1, [taken, other]] = 2_000  # these two are equally likely, and nothing else is
    one_more = replace(
        batch,
        logits=logits,
        states=np.append(batch.states, len(logits) - 1),
        actions=np.append(batch.actions, taken),
        log_old=np.append(batch.log_old, np.log(0.5)),
        estimates=np.append(batch.estimates, 1.0),
    )
    truth = batch.gradient() * len(batch.states)
    truth[-1, [taken, other]] = 0.5, -0.5
    truth /= len(one_more.states)
    answer = own_code.surrogate_gradient(*one_more.asked())
    assert_close(answer, truth, atol=1e-6, what="surrogate_gradient(…) where two actions are sure")


@check(
    points=4,
    needs="gradient_is_of_the_surrogate",
    hint="the clip holds back what has gone far enough in its direction, and never the way back",
)
def test_clip_never_holds_the_way_back(own_code, draw, rng):
    """A step counts beyond the clip if it leads back, and not if it leads further"""
    batch = draw(change=0.8)
    answer = own_code.surrogate_gradient(*batch.asked())
    assert_close(answer, batch.gradient(), atol=1e-6, what="surrogate_gradient(…) with ratios of all kinds")
    batch = draw(change=0.05)
    shift = np.where(rng.random(len(batch.states)) < 0.5, 0.5, -0.5)  # ratios of about 1.6 and 0.6
    far = replace(batch, log_old=batch.log_old - shift)
    further = replace(far, estimates=shift * np.abs(batch.estimates))
    nothing = np.zeros(batch.logits.shape)
    assert_close(own_code.surrogate_gradient(*further.asked()), nothing, what="the gradient beyond the clip")
    back = replace(far, estimates=-shift * np.abs(batch.estimates))
    answer = own_code.surrogate_gradient(*back.asked())
    assert_close(answer, back.gradient(), atol=1e-6, what="the gradient on the way back")


# ---- the critic ------------------------------------------------------------------------------


@check(
    points=4,
    hint="the larger of (value - return)^2 and (clipped value - return)^2, then the mean, then half of it",
)
def test_critic_loss_takes_the_larger_error(own_code, rng):
    """The critic's loss takes the larger of two errors, so that a clipped value wins nothing"""
    old, clip = rng.normal(size=60), float(rng.uniform(0.1, 0.5))
    values, returns = old + rng.normal(size=60), old + rng.normal(size=60)
    errors = []
    for value, before, wanted in zip(values, old, returns, strict=True):
        near = min(max(value, before - clip), before + clip)
        errors.append(max((value - wanted) ** 2, (near - wanted) ** 2) / 2)
    assert_close(own_code.value_loss(values, old, returns, clip), np.mean(errors), what="value_loss(…)")


# ---- keeping near ----------------------------------------------------------------------------


@check(points=3, hint="three cases: above 1.5 targets, below 2/3 of it, and between")
def test_price_follows_the_divergence(own_code, rng):
    """The price doubles when the policy went too far, halves when it hardly moved, and else stays"""
    target, beta = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.1, 2))
    for share, factor in ((1.6, 2), (9.0, 2), (0.6, 0.5), (0.0, 0.5), (1.4, 1), (0.7, 1), (1.0, 1)):
        answer = expect_number(own_code.adapted(beta, share * target, target), what="adapted(…)")
        assert_close(answer, factor * beta, what=f"the price at {share} times the target")


# ---- a policy from play ----------------------------------------------------------------------


@check(
    points=3,
    needs="leaving_the_reference_costs",
    hint="play the policy as it is now, improve it, and play it again",
)
def test_training_plays_and_learns(trained):
    """Training plays what it has learned so far, and ends elsewhere than it began"""
    for one in trained:
        if rel_entr(one.policy, one.world.reference).sum(axis=1).mean() < MOVED:
            wrong("train(…) returns a policy that has hardly left the reference.")
        changed = [np.abs(b - a).max() for a, b in zip(one.played, one.played[1:], strict=False)]
        if len(changed) < 3 or np.median(changed) < 1e-6:
            wrong("train(…) does not play what it has learned: the policies given to play do not change.")


@check(
    points=3,
    needs="training_plays_and_learns",
    hint="begin at log(reference); take a few small steps after each call, not many large ones",
)
def test_training_takes_small_steps(trained):
    """Training begins at the reference, and no policy is far from the one before it"""
    for one in trained:
        if rel_entr(one.played[0], one.world.reference).sum(axis=1).mean() > NEAR:
            wrong("train(…) does not begin at the reference.")
        for before, after in zip(one.played, [*one.played[1:], one.policy], strict=True):
            # some of each, so that a probability of 0 counts as much and not as infinitely much
            mixed = 0.99 * after + 0.01 * before
            if rel_entr(before, mixed).sum(axis=1).mean() > STEP:
                wrong(f"train(…): one policy is more than {STEP} nats from the one before it.")


@metric(
    points=12,
    better="lower",
    unit="share of the possible gain that is lost",
    scale="log",
    pass_share=0.6,
    needs="training_plays_and_learns",
    hint="subtract the price from the rewards, use the critic, and let the steps become smaller",
)
def test_reaches_the_best_objective(trained, show):
    """The policy comes near to the best one, prices included, in worlds that only the grader knows"""
    shares = [max(one.lost(one.policy), 1e-6) for one in trained]
    show.curve(
        "Share of the possible gain that is lost",
        [trained[0].lost(policy) for policy in trained[0].played],
        x_label="call of play",
        y_label="share",
    )
    return float(np.exp(np.log(shares).mean()))
