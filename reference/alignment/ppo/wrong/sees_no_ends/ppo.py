from collections.abc import Callable
import numpy as np

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def penalised(rewards, log_policy, log_reference, beta):
    return rewards - beta * (log_policy - log_reference)


def advantages(rewards, values, ended, discount, trace):
    goes_on = np.ones(ended.shape)
    surprise = rewards + discount * goes_on * values[:, 1:] - values[:, :-1]
    estimates = np.zeros(rewards.shape)
    later = np.zeros(len(rewards))
    for step in reversed(range(rewards.shape[1])):
        later = surprise[:, step] + discount * trace * goes_on[:, step] * later
        estimates[:, step] = later
    return estimates


def normalise(estimates):
    centred = estimates - estimates.mean()
    spread = centred.std()
    return centred / spread if spread > 1e-12 else np.zeros(estimates.shape)


def surrogate(log_new, log_old, estimates, clip):
    ratio = np.exp(log_new - log_old)
    clipped = np.clip(ratio, 1 - clip, 1 + clip)
    return float(np.minimum(ratio * estimates, clipped * estimates).mean())


def surrogate_gradient(logits, states, actions, log_old, estimates, clip):
    logs = log_softmax(logits)
    ratio = np.exp(logs[states, actions] - log_old)
    counts = np.where(estimates > 0, ratio < 1 + clip, ratio > 1 - clip)
    weight = counts * ratio * estimates / len(states)
    slopes = np.zeros(logits.shape)
    np.add.at(slopes, (states, actions), weight)
    total = np.bincount(states, weight, minlength=len(logits))
    return slopes - total[:, None] * np.exp(logs)


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def value_loss(values, old_values, returns, clip):
    near = old_values + np.clip(values - old_values, -clip, clip)
    return float(np.maximum((values - returns) ** 2, (near - returns) ** 2).mean() / 2)


def divergence_estimate(log_new, log_old):
    gain = log_new - log_old
    return float((np.expm1(gain) - gain).mean())


def adapted(beta, measured, target):
    if measured > 1.5 * target:
        return 2 * beta
    if measured < target / 1.5:
        return beta / 2
    return beta


def train(play, reference, beta, calls, seed):
    del seed
    logits, log_reference = (np.log(reference), np.log(reference))
    critic = np.zeros(len(reference))
    for call in range(calls):
        logs = log_softmax(logits)
        visited, actions, rewards, ended = play(np.exp(logs))
        states = visited[:, :-1]
        log_old = logs[states, actions]
        paid = penalised(rewards, log_old, log_reference[states, actions], beta)
        estimates = _right_advantages(paid, critic[visited], ended, discount=1.0, trace=0.5)
        returns = estimates + critic[states]
        batch = (states.ravel(), actions.ravel(), log_old.ravel(), normalise(estimates).ravel())
        for _ in range(8):
            slope = surrogate_gradient(logits, *batch, clip=0.2)
            logits = logits + 4 * (1 - call / calls) * slope
        visits = np.bincount(states.ravel(), minlength=len(critic))
        sums = np.bincount(states.ravel(), returns.ravel(), minlength=len(critic))
        critic = np.where(visits > 0, 0.3 * critic + 0.7 * sums / np.maximum(visits, 1), critic)
    return np.exp(log_softmax(logits))


def _right_advantages(rewards, values, ended, discount, trace):
    goes_on = 1.0 - ended
    surprise = rewards + discount * goes_on * values[:, 1:] - values[:, :-1]
    estimates = np.zeros(rewards.shape)
    later = np.zeros(len(rewards))
    for step in reversed(range(rewards.shape[1])):
        later = surprise[:, step] + discount * trace * goes_on[:, step] * later
        estimates[:, step] = later
    return estimates
