import numpy as np
import pytest
from scipy.spatial.distance import cdist

from harness.metrics import distances


def test_nearest_is_what_brute_force_finds(monkeypatch):
    monkeypatch.setattr(distances, "_BLOCK", 100)  # so that there are several blocks
    rng = np.random.default_rng(0)
    points, among = rng.normal(size=(37, 5)), rng.normal(size=(29, 5))
    want = cdist(points, among)
    got = distances.nearest(points, among, 3)
    assert np.allclose(got.distances, np.sort(want, axis=1)[:, :3], atol=1e-12)
    assert np.array_equal(got.indices, np.argsort(want, axis=1)[:, :3])


def test_a_copy_is_at_exactly_zero_however_far_from_the_origin():
    among = np.random.default_rng(1).normal(size=(50, 20)) + 1e6
    got = distances.nearest(among[:5].copy(), among)
    assert (got.distances == 0).all()
    assert got.indices[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_nearest_others_leaves_the_point_itself_out_but_not_its_twin():
    points = np.array([[0.0], [0.0], [3.0]])
    got = distances.nearest_others(points)
    assert got.distances[:, 0].tolist() == [0, 0, 3]
    assert got.indices[:2, 0].tolist() == [1, 0]


def test_more_neighbours_than_points_are_refused():
    with pytest.raises(ValueError, match="too few: 3"):
        distances.nearest_others(np.eye(3), 3)
