"""Another way to the best policy: a critic for actions, and logits that move towards reference + Q / beta."""

import numpy as np


def softmax(logits):
    scores = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)


def penalised(rewards, log_policy, log_reference, beta):
    return rewards + beta * log_reference - beta * log_policy


def advantages(rewards, values, ended, discount, trace):
    worlds, steps = rewards.shape
    result = np.zeros((worlds, steps + 1))
    alive = np.logical_not(ended)
    for t in range(steps - 1, -1, -1):
        ahead = discount * (values[:, t + 1] + trace * result[:, t + 1])
        result[:, t] = rewards[:, t] - values[:, t] + np.where(alive[:, t], ahead, 0.0)
    return result[:, :steps]


def normalise(estimates):
    if np.ptp(estimates) == 0:
        return estimates * 0.0
    return (estimates - np.mean(estimates)) / np.std(estimates)


def surrogate(log_new, log_old, estimates, clip):
    ratio = np.exp(log_new) / np.exp(log_old)
    bound = np.where(estimates >= 0, np.minimum(ratio, 1 + clip), np.maximum(ratio, 1 - clip))
    return np.average(bound * estimates)


def surrogate_gradient(logits, states, actions, log_old, estimates, clip):
    policy = softmax(logits)
    taken = policy[states, actions]
    ratio = taken / np.exp(log_old)
    held = ((estimates > 0) & (ratio > 1 + clip)) | ((estimates < 0) & (ratio < 1 - clip))
    gains = np.where(held, 0.0, ratio * estimates) / states.size
    onehot = np.eye(logits.shape[1])[actions] - policy[states]  # (n, actions)
    places = np.eye(logits.shape[0])[states]  # (n, states)
    return places.T @ (gains[:, None] * onehot)


def value_loss(values, old_values, returns, clip):
    bounded = np.minimum(np.maximum(values, old_values - clip), old_values + clip)
    worse = np.where(np.abs(values - returns) > np.abs(bounded - returns), values, bounded)
    return 0.5 * np.average(np.square(worse - returns))


def divergence_estimate(log_new, log_old):
    ratio = np.exp(log_new - log_old)
    return np.mean(ratio - 1 - np.log(ratio))


def adapted(beta, measured, target):
    return beta * (2.0 if measured > target * 1.5 else 0.5 if measured * 1.5 < target else 1.0)


def train(play, reference, beta, calls, seed):
    start = np.log(reference)
    policy, worth = reference.copy(), np.zeros(reference.shape)
    weight = np.zeros(reference.shape)
    for _ in range(calls):
        states, actions, rewards, ended = play(policy)
        # what a state is worth: actions by their worth, less the price of choosing so
        values = (policy * (worth - beta * (np.log(policy) - start))).sum(axis=1)
        here = states[:, :-1]
        target = rewards + np.where(ended, 0.0, values[states[:, 1:]])
        counts, sums = np.zeros(reference.shape), np.zeros(reference.shape)
        np.add.at(counts, (here, actions), 1)
        np.add.at(sums, (here, actions), target)
        weight = 0.7 * weight + counts
        worth = worth + (sums - counts * worth) / np.maximum(weight, 1)
        policy = softmax(0.75 * np.log(policy) + 0.25 * (start + worth / beta))
    return policy
