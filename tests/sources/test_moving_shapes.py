from dataclasses import replace

import numpy as np
import pytest

from harness.sources.moving_shapes import SPEED, film, make_clips, positions
from harness.sources.sprites import CENTRE, draw_factors, render


def bounced(place: float, speed: float, length: int) -> list[float]:
    """Move step by step and reflect at the walls."""
    path = []
    for _ in range(length):
        path.append(place)
        place += speed
        for wall in CENTRE:
            outside = place < wall if wall == CENTRE[0] else place > wall
            if outside:
                place, speed = 2 * wall - place, -speed
    return path


def test_positions_are_those_of_a_shape_that_bounces():
    clips = make_clips(50, length=20, seed=0)
    path = positions(clips.start, clips.velocity, 20)
    for row, x, y, (right, down) in zip(path, clips.start.x, clips.start.y, clips.velocity, strict=True):
        np.testing.assert_allclose(row[:, 0], bounced(x, right, 20), atol=1e-9)
        np.testing.assert_allclose(row[:, 1], bounced(y, down, 20), atol=1e-9)


def test_frames_show_the_shape_at_those_positions():
    clips = make_clips(7, length=5, seed=1)
    assert clips.frames.shape == (7, 5, 12, 12)
    path = positions(clips.start, clips.velocity, 5)
    for time in range(5):
        now = replace(clips.start, x=path[:, time, 0], y=path[:, time, 1])
        np.testing.assert_array_equal(clips.frames[:, time], render(now))


def test_a_longer_film_begins_with_the_shorter():
    start, velocity = draw_factors(4, 0), np.array([[0.5, 0.2]] * 4)
    np.testing.assert_array_equal(film(start, velocity, 9)[:, :4], film(start, velocity, 4))


def test_speeds_are_in_range_and_everything_moves():
    clips = make_clips(300, seed=2)
    speed = np.hypot(*clips.velocity.T)
    assert SPEED[0] <= speed.min() < speed.max() <= SPEED[1]
    assert (np.abs(np.diff(clips.frames, axis=1)).sum(axis=(2, 3)) > 0).mean() > 0.99


@pytest.mark.parametrize("velocity", [0.0, 4.0, 8.0], ids=["still", "one-span", "there-and-back"])
def test_known_answers(velocity):
    start = replace(draw_factors(1, 0), x=np.array([CENTRE[0]]), y=np.array([CENTRE[1]]))
    span = CENTRE[1] - CENTRE[0]
    moved = positions(start, np.array([[velocity * span / 4, 0.0]]), 2)[0, 1]
    expected = CENTRE[1] if velocity == 4 else CENTRE[0]
    np.testing.assert_allclose(moved, [expected, CENTRE[1]], atol=1e-9)
