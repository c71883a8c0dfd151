"""Renaming, comments and layout hide nothing; what everybody was given counts for nothing."""

import pytest
from cohort_samples import CODE, STARTER, other_code, renamed

from reports.similarity import FEWEST, GRAM, clusters, common_lines, fingerprint, grams, tokens


def share(first, second, starter=()):
    a, b = fingerprint(first, starter), fingerprint(second, starter)
    return len(a & b) / min(len(a), len(b))


@pytest.mark.parametrize(
    "disguised",
    [
        pytest.param(renamed(CODE), id="renamed-and-commented"),
        pytest.param(CODE.replace("\n\n", "\n\n\n\n").replace("    ", "        "), id="laid-out-otherwise"),
        pytest.param(CODE.replace("10000", "1e4").replace('"-inf"', "'-inf'"), id="other-literals"),
        pytest.param("import os\n\n" + CODE + "\nprint('done')\n", id="with-more-around"),
        pytest.param("\n\n".join(reversed(CODE.split("\n\n"))), id="functions-in-another-order"),
    ],
)
def test_a_disguise_does_not_help(disguised):
    assert share(CODE, disguised) > 0.75


def test_other_work_is_not_alike():
    assert share(other_code(1), other_code(2)) < 0.3
    assert share(CODE, other_code(2)) < 0.1


def test_the_starter_counts_for_nothing():
    starter = frozenset(grams(tokens(CODE)))
    assert fingerprint(CODE, starter) == frozenset()
    assert fingerprint(CODE + other_code(1), starter)


def test_docstrings_and_comments_are_no_tokens():
    assert tokens('"""Doc."""\n# note\nx = 1\n') == tokens("\n\nx = 1\n")
    assert [one.kind for one in tokens('x = "text"')] == ["name", "=", "text"]


@pytest.mark.parametrize(
    "code", ["def f(:\n  x = (1, 2", "x = '''open", "\x00\x00", "if x:\n\t y\n  z", "", "é = 1", "\ud800 = 1"]
)
def test_code_that_does_not_parse_is_read_all_the_same(code):
    assert fingerprint(code) == fingerprint(code)
    broken = CODE + "\ndef broken(:\n  ((("
    assert share(CODE, broken) > 0.5


def test_clusters_join_those_who_are_alike_through_others():
    prints = {
        "a": fingerprint(CODE),
        "b": fingerprint(renamed(CODE)),
        "c": fingerprint(CODE),
        "z": fingerprint(other_code(1)),
    }
    (cluster,) = clusters(prints)
    assert cluster.learners == ("a", "b", "c")
    assert cluster.pairs[0].share == 1
    assert len(cluster.pairs) == 3


def test_same_files_need_no_source():
    (cluster,) = clusters({}, [("b", "a", "c")])
    assert cluster.learners == ("a", "b", "c")
    assert all(pair.same for pair in cluster.pairs)


def test_what_many_have_is_the_exercises_own():
    prints = {f"{i:02}": fingerprint(CODE) | frozenset(range(100 * i, 100 * i + 40)) for i in range(30)}
    assert clusters(prints) == []


def test_short_answers_are_not_compared():
    short = frozenset(range(FEWEST - 1))
    assert clusters({"a": short, "b": short}) == []


def test_common_lines_are_those_of_shared_runs():
    first, second = common_lines("import os\n" + CODE, other_code(3) + "\n" + CODE)
    lines = ("import os\n" + CODE).split("\n")
    assert {lines[i - 1].strip() for i in first} >= {
        "return weights @ values",
        "weights = scores.softmax(-1)",
    }
    assert 1 not in first
    assert second
    assert common_lines(CODE, other_code(1)) == (set(), set())


def test_grams_are_the_same_on_every_machine():
    assert grams(tokens("x = f(1, 2, y)[0:3] + 4")) == grams(tokens("z = g(5, 6, w)[1:2] + 9"))
    assert len(grams(tokens("x = 1"))) == 0
    assert len(grams(tokens("x = (1, 2, 3, 4, 5)"))) == 13 - GRAM + 1


@pytest.mark.timeout(60)
def test_hundreds_of_submissions_are_compared_in_seconds():
    prints = {f"{i:04}": fingerprint(other_code(i)) for i in range(300)}
    assert all(len(cluster.learners) < 300 for cluster in clusters(prints))


def test_starter_alone_is_too_little():
    assert clusters({"a": fingerprint(STARTER), "b": fingerprint(STARTER)}) == []
