import numpy as np
import pytest

from harness.sources.copy_task import CopyTask


def test_second_half_repeats_the_first_after_the_separator():
    task = CopyTask(symbols=5, length=7)
    rows = task.sample(200, 1)
    assert rows.shape == (200, 15)
    np.testing.assert_array_equal(rows[:, :7], rows[:, 8:])
    assert (rows[:, 7] == 5).all()
    assert rows.max() < task.vocabulary == 6


def test_oracle_is_the_empirical_conditional_entropy():
    task = CopyTask(symbols=3, length=2)
    rows = task.sample(60_000, 0)

    def entropy(width):
        _, counts = np.unique(rows[:, :width], axis=0, return_counts=True)
        shares = counts / counts.sum()
        return -(shares * np.log2(shares)).sum()

    seen = np.diff([entropy(width) for width in range(6)])
    np.testing.assert_allclose(seen, task.oracle_bits(), atol=2e-3)


@pytest.mark.parametrize(("symbols", "bits"), [(2, 1.0), (16, 4.0)])
def test_oracle_known_answers(symbols, bits):
    task = CopyTask(symbols=symbols, length=4)
    assert task.oracle_bits().tolist() == [bits] * 4 + [0.0] * 5
    np.testing.assert_array_equal(task.sample(3, 7), task.sample(3, 7))
