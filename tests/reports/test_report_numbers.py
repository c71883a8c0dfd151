"""Numbers in words: never better than they are, and never a crash."""

import math

import pytest

from reports.numbers import counted, duration, moment, needed, number, percent, points

MANY = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-320,
    1e308,
    -1e308,
    1e12,
    123456.789,
    0.1 + 0.2,
    math.nan,
    math.inf,
    -math.inf,
]


@pytest.mark.parametrize("function", [points, needed, number, percent, duration], ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", MANY, ids=repr)
def test_every_number_has_words(function, value):
    words = function(value)
    assert words
    assert "nan" not in words
    assert "inf" not in words


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (17.0, "17"),
        (2.5, "2.5"),
        (0.1 + 0.2, "0.3"),
        (13.999, "13.99"),
        (1e3, "1,000"),
        (-1.0, "−1"),
        (0, "0"),
    ],
    ids=str,
)
def test_points_are_never_rounded_up(value, want):
    assert points(value) == want


@pytest.mark.parametrize(
    ("value", "want"), [(11.9, "11.9"), (0.7 * 20, "14"), (20 / 3, "6.67"), (0.001, "0.01")], ids=str
)
def test_needed_points_are_never_rounded_down(value, want):
    assert needed(value) == want


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (0, "0"),
        (3.42134, "3.421"),
        (0.00012346, "0.0001235"),
        (0.000012346, "1.235e−05"),
        (1234567, "1,234,567"),
        (-0.5, "−0.5"),
        (9999.6, "10,000"),
        (1e15, "1.000e+15"),
    ],
    ids=str,
)
def test_number(value, want):
    assert number(value) == want


@pytest.mark.parametrize(
    ("seconds", "want"),
    [
        (0, "0 ms"),
        (0.0042, "4 ms"),
        (1.23, "1.2 s"),
        (59.96, "1 min 0 s"),
        (75, "1 min 15 s"),
        (-1, "unknown"),
    ],
    ids=str,
)
def test_duration(seconds, want):
    assert duration(seconds) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("2026-03-12T14:03:11+00:00", "12 March 2026, 14:03 UTC", id="utc"),
        pytest.param("2026-03-12T14:03:11Z", "12 March 2026, 14:03 UTC", id="letter"),
        pytest.param("2026-03-12T14:03:11+05:30", "12 March 2026, 08:33 UTC", id="zone"),
        pytest.param("0001-01-01T00:00:00+14:00", "1 January 1, 00:00 UTC", id="first-day"),
        pytest.param("", "", id="empty"),
        pytest.param("yesterday\n", "yesterday", id="not-a-time"),
    ],
)
def test_moment(text, want):
    assert moment(text) == want


@pytest.mark.parametrize(
    ("count", "want"), [(1, "1 check"), (0, "0 checks"), (2, "2 checks"), (1.5, "1.5 checks")], ids=str
)
def test_counted(count, want):
    assert counted(count, "check") == want
