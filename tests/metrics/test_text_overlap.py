import pytest

from harness.metrics.text_overlap import bleu, chrf

LONG = "the cat sat on the mat today"


@pytest.mark.parametrize(
    ("prediction", "references", "low", "high"),
    [
        pytest.param(LONG, [LONG], 1, 1, id="equal"),
        pytest.param(LONG, ["a b c d", LONG], 1, 1, id="one-of-two-references"),
        pytest.param("no word of it", [LONG], 0, 0, id="nothing-shared"),
        pytest.param("the cat sat on the mat", [LONG], 0.8464, 0.8465, id="brevity-penalty-exp(-1/6)"),
    ],
)
def test_bleu_known_answers(prediction, references, low, high):
    assert low <= bleu([prediction], [references]) <= high + 1e-9


def test_three_right_words_score_nothing_in_bleu_and_everything_in_chrf():
    assert bleu(["a small cat"], [["a small cat"]]) == 0
    assert chrf(["a small cat"], [["a small cat"]]) == pytest.approx(1)


def test_chrf_is_ordered():
    near, far = chrf(["the cat sat on a mat"], [[LONG]]), chrf(["dogs bark"], [[LONG]])
    assert 1 > near > 0.5 > 0.3 > far >= 0


@pytest.mark.parametrize("metric", [bleu, chrf])
@pytest.mark.parametrize(
    ("predictions", "references"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param("text", [["t"], ["e"], ["x"], ["t"]], id="a-string"),
        pytest.param(["a"], [["a"], ["b"]], id="wrong-count"),
        pytest.param([None], [["a"]], id="not-text"),
        pytest.param(["a"], ["a"], id="references-not-nested"),
        pytest.param(["a"], [[]], id="no-reference"),
    ],
)
def test_overlap_refuses(metric, predictions, references):
    with pytest.raises(ValueError, match=r"wrong count|not all text|not a list"):
        metric(predictions, references)
