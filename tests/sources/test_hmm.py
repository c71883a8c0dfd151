from itertools import pairwise, product

import numpy as np
import pytest

from harness.sources.hmm import HMM, make_hmm

SMALL = make_hmm(seed=3, states=3, symbols=4)


def by_enumeration(model: HMM, text: tuple[int, ...]) -> float:
    """Sum over every path of hidden states."""
    total, initial = 0.0, model.initial
    for path in product(range(len(model.transition)), repeat=len(text)):
        chance = initial[path[0]]
        chance *= np.prod([model.transition[step] for step in pairwise(path)])
        total += chance * np.prod([model.emission[s, symbol] for s, symbol in zip(path, text, strict=True)])
    return total


@pytest.mark.parametrize("text", [(0,), (1, 1), (3, 0, 2), (2, 2, 1, 0, 3)], ids=str)
def test_forward_algorithm_agrees_with_all_paths(text):
    logs = SMALL.log_probs(np.array([text]))
    assert np.exp(logs.sum()) == pytest.approx(by_enumeration(SMALL, text), rel=1e-12)


def test_probabilities_of_all_texts_sum_to_one():
    texts = np.array(list(product(range(4), repeat=5)))
    assert np.exp(SMALL.log_probs(texts).sum(axis=1)).sum() == pytest.approx(1, abs=1e-12)


def test_bounds_enclose_the_estimate_and_tighten():
    bits, error = SMALL.entropy_rate(seed=1)
    bounds = [SMALL.entropy_bounds(length) for length in range(1, 7)]
    for low, high in bounds:
        assert low - 4 * error < bits < high + 4 * error
    widths = [high - low for low, high in bounds]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.2 * widths[0]


def test_bounds_are_the_entropies_of_enumerated_texts():
    def entropy(length):
        chances = [by_enumeration(SMALL, text) for text in product(range(4), repeat=length)]
        return -sum(p * np.log2(p) for p in chances)

    assert SMALL.entropy_bounds(3)[1] == pytest.approx(entropy(3) - entropy(2), abs=1e-12)


def test_one_hidden_state_is_an_independent_source():
    law = np.array([[0.5, 0.25, 0.25]])
    assert HMM(np.ones((1, 1)), law).entropy_bounds(3) == pytest.approx((1.5, 1.5), abs=1e-12)


def test_samples_have_the_symbol_and_pair_frequencies():
    text = SMALL.sample(40_000, 3, 5)
    joint = np.array([[by_enumeration(SMALL, (a, b)) for b in range(4)] for a in range(4)])
    for place in (0, 1):
        counts = np.bincount(text[:, place] * 4 + text[:, place + 1], minlength=16) / 40_000
        np.testing.assert_allclose(counts, joint.ravel(), atol=0.012)


def test_a_long_memory_pays():
    model = make_hmm(seed=0)
    bigram, trigram = model.entropy_bounds(2)[1], model.entropy_bounds(3)[1]
    bits, _ = model.entropy_rate(seed=1)
    assert bigram > trigram + 0.1 > bits + 0.2


def test_samples_repeat_by_seed():
    np.testing.assert_array_equal(SMALL.sample(5, 9, 1), SMALL.sample(5, 9, 1))
    assert (SMALL.sample(5, 9, 1) != SMALL.sample(5, 9, 2)).any()
