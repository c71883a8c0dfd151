import numpy as np
import pytest

from harness.sources.captions import (
    ATTRIBUTES,
    WORDINGS,
    combinations,
    describe,
    make_pairs,
    split_combinations,
)
from harness.sources.sprites import SHAPES

PAIRS = make_pairs(2_000, seed=0)


READ = {
    describe(row, wording): (*row.tolist(), index)
    for row in combinations()
    for index, wording in enumerate(WORDINGS)
}
"""For every caption there is: its attributes and, last, its wording."""


def read(caption: str) -> tuple[int, ...]:
    return READ[caption][:-1]


def test_no_two_captions_are_equal():
    assert len(READ) == 216 * len(WORDINGS)


def test_captions_tell_the_attributes():
    for caption, row in zip(PAIRS.captions, PAIRS.attributes.tolist(), strict=True):
        assert read(caption) == tuple(row)


def test_negatives_differ_in_one_attribute_each():
    for names, row in zip(PAIRS.negatives, PAIRS.attributes.tolist(), strict=True):
        assert len(names) == len(ATTRIBUTES)
        for changed, name in enumerate(names):
            other = read(name)
            assert [a != b for a, b in zip(other, row, strict=True)] == [k == changed for k in range(4)]


def test_attributes_are_what_the_picture_shows():
    mass = PAIRS.images.sum(axis=(1, 2))
    shape, size, light, place = PAIRS.attributes.T
    rows = (PAIRS.images * np.arange(12)[:, None]).sum(axis=(1, 2)) / mass
    columns = (PAIRS.images * np.arange(12)).sum(axis=(1, 2)) / mass
    order = [columns[place % 3 == index].mean() for index in range(3)]
    assert order == sorted(order)
    assert order[1] - order[0] > 1
    order = [rows[place // 3 == index].mean() for index in range(3)]
    assert order == sorted(order)
    for kind in range(len(SHAPES)):
        same = shape == kind
        assert mass[same & (size == 1)].mean() > 1.5 * mass[same & (size == 0)].mean()
        peak = PAIRS.images.max(axis=(1, 2))
        assert peak[same & (light == 1)].min() > peak[same & (light == 0)].max()


def test_wording_says_nothing_about_the_attributes():
    wording = np.array([READ[caption][-1] for caption in PAIRS.captions])
    for column in PAIRS.attributes.T:
        for value in np.unique(column):
            shares = np.bincount(wording[column == value], minlength=3) / (column == value).sum()
            assert np.abs(shares - 1 / 3).max() < 0.14


def test_combinations_are_split_without_overlap():
    train, test = split_combinations(36, seed=1)
    assert len(combinations()) == 216 == len(train) + len(test)
    assert len({*map(tuple, train.tolist())} | {*map(tuple, test.tolist())}) == 216
    pairs = make_pairs(500, seed=2, among=test)
    assert {*map(tuple, pairs.attributes.tolist())} <= {*map(tuple, test.tolist())}


@pytest.mark.parametrize("field", ["images", "attributes"])
def test_pairs_repeat_by_seed(field):
    one, same, other = (getattr(make_pairs(30, seed=seed), field) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
