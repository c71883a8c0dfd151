from itertools import product

import numpy as np
import pytest

from harness.sources.markov import stationary_law
from harness.sources.toy_language import ToyLanguage, make_language

BITS = np.log(2)
TINY = ToyLanguage(("ba", "bad", "do"), np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]]))


def test_probabilities_of_all_texts_of_a_length_sum_to_one():
    for length in range(6):
        texts = map("".join, product(TINY.alphabet, repeat=length))
        assert sum(np.exp(TINY.log_probs(text).sum()) for text in texts) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "logs"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("b", ["ba+bad"], id="one-letter"),
        pytest.param("do ", ["do", 1, 1], id="letters-that-follow-are-certain"),
        pytest.param("ba ", ["ba+bad", 1, "ba / ba+bad"], id="the-space-tells-ba-from-bad"),
    ],
)
def test_characters_of_the_first_word(text, logs):
    ba, bad, do = stationary_law(TINY.table)
    known = {"ba+bad": ba + bad, "do": do, "ba / ba+bad": ba / (ba + bad), 1: 1}
    np.testing.assert_allclose(np.exp(TINY.log_probs(text)), [known[log] for log in logs], atol=1e-12)


def test_whole_words_have_the_probability_of_the_table():
    first = stationary_law(TINY.table)[0]
    assert TINY.log_probs("ba do bad ").sum() == pytest.approx(np.log(first * 0.3 * 0.3), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        pytest.param("x", 0, id="foreign-letter"),
        pytest.param("ba  do", 3, id="two-spaces"),
        pytest.param(" ba", 0, id="space-first"),
        pytest.param("ba dob ba", 5, id="foreign-word"),
        pytest.param("ba bado", 6, id="goes-on-after-a-word"),
    ],
)
def test_what_is_not_of_the_language_is_impossible_from_there_on(text, possible):
    logs = TINY.log_probs(text)
    assert np.isfinite(logs[:possible]).all()
    assert (logs[possible:] == -np.inf).all()


@pytest.mark.parametrize("seed", range(4))
def test_every_seed_has_the_stated_entropy_and_distinct_words(seed):
    language = make_language(seed=seed)
    assert language.entropy_rate == pytest.approx(0.59, abs=1e-9)
    assert len(set(language.words)) == 40
    assert not set("".join(language.words)) - set("abcdefghijklmnopqrstuvwxyz")


def test_surprise_on_a_sample_is_the_entropy_rate():
    language = make_language(seed=1)
    text = language.sample(200_000, 2)
    assert len(text) == 200_000
    assert set(text) <= set(language.alphabet)
    bits = -language.log_probs(text).reshape(-1, 200).mean(axis=1) / BITS  # blocks are nearly independent
    assert bits.mean() == pytest.approx(language.entropy_rate, abs=4 * bits.std() / np.sqrt(len(bits)))
    assert 200_000 / text.count(" ") == pytest.approx(language.characters_per_word, rel=0.01)


def test_samples_repeat_by_seed():
    language = make_language(seed=0)
    assert language.sample(100, 1) == language.sample(100, 1) != language.sample(100, 2)
    assert language.sample(0, 1) == ""
