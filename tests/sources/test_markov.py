from itertools import product

import numpy as np
import pytest

from harness.sources.markov import MarkovChain, draw_table, entropy_rate, make_chain, stationary_law

BITS = np.log(2)


def two_states(stay: float) -> MarkovChain:
    return MarkovChain(np.array([[stay, 1 - stay], [1 - stay, stay]]), "ab")


def texts(chain: MarkovChain, length: int) -> np.ndarray:
    return np.array(list(product(range(len(chain.alphabet)), repeat=length)), np.int64)


@pytest.mark.parametrize(
    ("table", "bits"),
    [
        pytest.param([[0.5, 0.5], [0.5, 0.5]], 1.0, id="fair-coin"),
        pytest.param([[0.25] * 4] * 4, 2.0, id="uniform-over-four"),
        pytest.param([[0.9, 0.1], [0.1, 0.9]], 0.468995593589281, id="sticky"),
        pytest.param([[0.5, 0.5], [1.0, 0.0]], 2 / 3, id="golden-mean-shift"),  # law (2/3, 1/3)
    ],
)
def test_entropy_rate_known_answers(table, bits):
    assert entropy_rate(np.array(table)) == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_stationary_law_is_the_eigenvector_of_the_full_transition_matrix(order):
    chain = make_chain(seed=order, order=order, alphabet="abc", entropy=1.0)
    contexts, symbols = chain.table.shape
    full = np.zeros((contexts, contexts))
    for context, symbol in product(range(contexts), range(symbols)):
        full[context, (context * symbols + symbol) % contexts] += chain.table[context, symbol]
    values, vectors = np.linalg.eig(full.T)
    law = vectors[:, np.argmax(values.real)].real
    np.testing.assert_allclose(chain.stationary, law / law.sum(), atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_of_all_texts_sum_to_one_and_prefixes_agree(order):
    chain = make_chain(seed=5, order=order, alphabet="abc", entropy=1.0)
    for length in range(1, 6):
        assert np.exp(chain.log_probs(texts(chain, length)).sum(axis=1)).sum() == pytest.approx(1, abs=1e-12)


def test_entropy_rate_is_the_growth_of_the_entropy_of_texts():
    chain = make_chain(seed=3, order=2, alphabet="abc", entropy=1.1)

    def entropy(length):
        logs = chain.log_probs(texts(chain, length)).sum(axis=1)
        return -(np.exp(logs) * logs).sum() / BITS

    assert entropy(7) - entropy(6) == pytest.approx(chain.entropy_rate, abs=1e-12)
    for known in range(3):  # of a stationary source, H(X_k | X_0..k-1)
        assert chain.conditional_entropy(known) == pytest.approx(
            entropy(known + 1) - (entropy(known) if known else 0), abs=1e-12
        )


@pytest.mark.parametrize("seed", range(5))
def test_every_seed_is_equally_hard(seed):
    chain = make_chain(seed=seed)
    assert chain.entropy_rate == pytest.approx(1.8, abs=1e-9)
    assert 2.5 < chain.conditional_entropy(1) < 2.95
    assert 2.7 < chain.conditional_entropy(0) <= 3
    assert chain.table.min() > 0.002


@pytest.mark.parametrize("many", [False, True], ids=["one-text", "many-texts"])
def test_samples_follow_the_table(many):
    chain = make_chain(seed=0, alphabet="abcd", entropy=1.2)
    text = chain.sample_many(3_000, 40, 1) if many else chain.sample(120_000, 1)[None]
    counts = np.zeros((16, 4))
    np.add.at(counts, (text[:, :-2] * 4 + text[:, 1:-1], text[:, 2:]), 1)
    seen = counts.sum(axis=1, keepdims=True)
    error = np.sqrt(chain.table * (1 - chain.table) / seen)
    assert np.abs((counts / seen - chain.table) / error).max() < 4.5  # 64 cells, in standard errors
    np.testing.assert_allclose(seen[:, 0] / seen.sum(), chain.stationary, atol=0.01)


def test_the_first_symbols_follow_the_stationary_law():
    chain = make_chain(seed=0, alphabet="abcd", entropy=1.2)
    first = chain.sample_many(40_000, 2, 7) @ [4, 1]
    np.testing.assert_allclose(np.bincount(first, minlength=16) / 40_000, chain.stationary, atol=0.01)


def test_surprise_on_a_sample_is_the_entropy_rate():
    chain = make_chain(seed=1)
    bits = -chain.log_probs(chain.sample(200_000, 2)) / BITS
    assert bits.mean() == pytest.approx(chain.entropy_rate, abs=4 * bits.std() / np.sqrt(len(bits)))


def test_predictions_hold_the_probability_of_what_came():
    chain = make_chain(seed=1)
    text = chain.sample(500, 3)
    law = chain.next_probs(text)
    assert law.shape == (500, 8)
    np.testing.assert_allclose(law.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(law[2], chain.table[text[0] * 8 + text[1]])
    np.testing.assert_allclose(np.log(law[np.arange(500), text]), chain.log_probs(text))


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_short_texts(length):
    chain = make_chain(seed=0, order=2)
    assert chain.sample(length, 1).shape == (length,)
    assert chain.sample_many(5, length, 1).shape == (5, length)
    assert chain.log_probs(chain.sample(length, 1)).shape == (length,)


def test_text_and_symbols_go_both_ways():
    chain = make_chain(seed=0)
    text = chain.sample(300, 9)
    np.testing.assert_array_equal(chain.encode(chain.decode(text)), text)
    with pytest.raises(ValueError, match="'x' is not in the alphabet"):
        chain.encode("abx")


def test_the_same_seed_gives_the_same_text_and_another_another():
    assert (make_chain(seed=4).table == make_chain(seed=4).table).all()
    assert (make_chain(seed=4).sample(50, 1) == make_chain(seed=4).sample(50, 1)).all()
    assert (make_chain(seed=4).sample(50, 1) != make_chain(seed=4).sample(50, 2)).any()
    rng = np.random.default_rng(0)
    assert (make_chain(seed=rng).table != make_chain(seed=rng).table).any()


def test_impossible_symbols_have_probability_zero():
    chain = MarkovChain(np.array([[0.5, 0.5], [1.0, 0.0]]), "ab")
    assert chain.log_probs(chain.encode("abb"))[2] == -np.inf


@pytest.mark.parametrize(
    ("table", "alphabet", "message"),
    [
        pytest.param([[0.5, 0.5]] * 2, "abc", "does not name 2 symbols", id="alphabet-too-long"),
        pytest.param([[0.5, 0.5]] * 2, "aa", "does not name 2 symbols", id="alphabet-repeats"),
        pytest.param([[0.5, 0.5]] * 3, "ab", "no power", id="contexts-no-power"),
        pytest.param([[0.5, 0.6]] * 2, "ab", "no probabilities", id="sums-above-one"),
        pytest.param([[1.5, -0.5]] * 2, "ab", "no probabilities", id="negative"),
        pytest.param([[np.nan, 1]] * 2, "ab", "no probabilities", id="nan"),
    ],
)
def test_tables_that_are_none_are_refused(table, alphabet, message):
    with pytest.raises(ValueError, match=message):
        MarkovChain(np.array(table), alphabet)


def test_unreachable_entropy_is_refused():
    with pytest.raises(ValueError, match=r"no table of 64 x 8 has an entropy of 3\.1 bits"):
        make_chain(seed=0, entropy=3.1)
    with pytest.raises(ValueError, match="no table"):
        draw_table(4, 4, 0.0, entropy_rate, 0)


def test_foreign_symbols_are_refused():
    with pytest.raises(ValueError, match="symbols -1 to 2 are not within 0 to 7"):
        make_chain(seed=0).log_probs(np.array([0, -1, 2]))


def test_a_chain_that_never_settles_is_refused():
    periodic = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="does not settle"):
        stationary_law(periodic)
