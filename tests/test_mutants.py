"""Mutants are mistakes: one each, where learners write, the same every time."""

import ast
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.catalog import HOME, Course
from harness.errors import SpecError
from harness.excuses import excuses
from harness.mutants import chosen, mutants

CASES = [
    pytest.param("x < 1", {"(x <= 1)", "(x >= 1)"}, "flipped comparison", id="less"),
    pytest.param("x == y", {"(x != y)"}, "flipped comparison", id="equal"),
    pytest.param("x is None", {"(x is not None)"}, "flipped comparison", id="is"),
    pytest.param("x in y", {"(x not in y)"}, "flipped comparison", id="in"),
    pytest.param("x + y", {"(x - y)"}, "wrong operator", id="plus"),
    pytest.param("x + y", {"x", "y"}, "dropped term", id="term"),
    pytest.param("x / y", {"(x * y)"}, "wrong operator", id="divide"),
    pytest.param("x / y", {"x"}, "missing scale", id="scale"),
    pytest.param("x * y", {"x", "y"}, "missing scale", id="factor"),
    pytest.param("x @ y", {"(y @ x)"}, "swapped operands", id="matmul"),
    pytest.param("x[1]", {"x[2]", "x[0]"}, "off by one", id="index"),
    pytest.param("x * 0.5", {"x * 1.0"}, "wrong constant", id="constant"),
    pytest.param("x * 1e-8", set(), "wrong constant", id="epsilon-is-left-alone"),
    pytest.param("f(x, y)", {"f(y, x)"}, "swapped arguments", id="arguments"),
    pytest.param("max(x, y)", set(), "swapped arguments", id="commutative"),
    pytest.param("f(*x, y)", set(), "swapped arguments", id="starred"),
    pytest.param("x.sum(dim=-1)", {"x.sum(dim=-2)"}, "wrong axis", id="last-axis"),
    pytest.param("x.sum(axis=0)", {"x.sum(axis=1)"}, "wrong axis", id="first-axis"),
    pytest.param("x.sum(dim=(0, 1))", {"x.sum(dim=(0,))"}, "wrong axis", id="two-axes"),
    pytest.param("x.sum(dim=0)", set(), "off by one", id="an-axis-is-no-number"),
    pytest.param("x.sum()", {"x.mean()"}, "wrong function", id="sum"),
    pytest.param("f(x, keepdim=y)", {"f(x)"}, "dropped argument", id="keyword"),
    pytest.param("f(x, keepdim=True)", {"f(x, keepdim=False)"}, "flipped switch", id="switch"),
    pytest.param("x and y", {"(x or y)"}, "and for or", id="and"),
    pytest.param("not x", {"x"}, "negated condition", id="not"),
    pytest.param("-x", {"x"}, "lost sign", id="sign"),
    pytest.param("x if y else z", {"x if not y else z"}, "negated condition", id="conditional"),
]


@pytest.mark.parametrize(("expression", "want", "kind"), CASES)
def test_each_kind_of_mistake(expression, want, kind):
    source = f"def f(x, y, z):\n    return {expression}\n"
    got = {one.after.removeprefix("return ") for one in mutants(source) if one.kind == kind}
    assert got == want


STATEMENTS = [
    pytest.param("    g(x)\n    return x\n", "pass", id="call"),
    pytest.param("    x += 1\n    return x\n", "pass", id="augmented"),
    pytest.param("    x = x.clone()\n    return x\n", "pass", id="assigned-again"),
    pytest.param("    x[0] = 1\n    return x\n", "pass", id="item"),
]


@pytest.mark.parametrize(("body", "want"), STATEMENTS)
def test_statements_are_deleted(body, want):
    made = [one for one in mutants(f"def f(x):\n{body}") if one.kind == "deleted statement"]
    assert [one.after for one in made] == [want]


QUIET = [
    pytest.param('    raise ValueError(f"{x + 1} is odd")\n', id="raise"),
    pytest.param("    assert x > 0\n    return x\n", id="assert"),
    pytest.param('    """Add 1 + 1."""\n    return x\n', id="docstring"),
    pytest.param('    return f"{x + 1}"\n', id="f-string"),
]


@pytest.mark.parametrize("body", QUIET)
def test_words_are_not_changed(body):
    assert mutants(f"def f(x: int = g()) -> list[1 + 1]:\n{body}") == ()


MARKED = """def given(x):
    return x + 1

def theirs(x):
    ### BEGIN SOLUTION add one
    return x + 1
    ### END SOLUTION
"""


def test_only_what_learners_write_is_changed():
    assert {one.line for one in mutants(MARKED)} == {6}
    assert {one.function for one in mutants(MARKED)} == {"theirs"}


def test_a_change_over_several_lines_and_beside_wide_letters():
    source = 'def f(x):\n    é = "π"; y = (x +\n        1)\n    return y\n'
    made = {one.source for one in mutants(source) if one.kind == "dropped term"}
    assert 'def f(x):\n    é = "π"; y = (x)\n    return y\n' in made


def test_ids_stay_while_other_lines_change():
    before = {one.id for one in mutants("def f(x):\n    return x + 1\n")}
    after = {one.id for one in mutants("import math\n\n\ndef f(x):\n    y = 2\n    return x + 1\n")}
    assert before
    assert before < after


def test_ids_differ_for_the_same_line_twice():
    made = mutants("def f(x):\n    x = x + 1\n    x = x + 1\n    return x\n")
    assert len({one.id for one in made}) == len(made)


def test_the_choice_is_spread_and_repeats():
    every = mutants("def f(x, y):\n    return f(x, y) + x / y < x[1] * 2\n")
    assert chosen(every, 5, seed=1) == chosen(every, 5, seed=1)
    assert len({chosen(every, 5, seed=seed) for seed in range(5)}) > 1
    kinds = Counter(one.kind for one in chosen(every, len({one.kind for one in every})))
    assert set(kinds.values()) == {1}
    assert chosen(every, 10_000) == tuple(sorted(every, key=lambda one: (one.line, one.id)))


def test_what_is_not_python_is_refused():
    with pytest.raises(SpecError, match="line 1"):
        mutants("def f(:")


@pytest.mark.parametrize("name", Course(HOME).names())
def test_mutants_of_the_references_are_python_and_differ(name):
    exercise = Course(HOME).find(name)
    source = (Course(HOME).reference_folder(name) / "solution" / exercise.entry).read_text()
    made = mutants(source)
    assert len(made) > 30
    assert len({one.source for one in made}) == len(made)
    for one in made:
        ast.parse(one.source)
        assert one.before != one.after


@given(
    st.lists(
        st.sampled_from(["x", "1", "(", ")", "+", "-", "*", "<", "not ", " if ", " else ", "[", "]", ","])
    )
)
def test_whatever_is_python_can_be_mutated(parts):
    source = f"def f(x):\n    return {''.join(parts)}\n"
    try:
        compile(source, "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, SyntaxWarning):
        return
    for one in mutants(source):
        ast.parse(one.source)


# ---- excuses ---------------------------------------------------------------------------------

EXCUSED = """
[[equivalent]]
mutant = "{id}"
reason = "the order does not matter"

[[free]]
place = "schedule"
reason = "how fast it learns is the learner's to choose"

[[free]]
place = "rate = 0.5"
reason = "any rate will do"
"""
SOURCE = """
def schedule(step):
    return step + 1

class Net:
    def schedule(self, x):
        return -x

def train(x):
    rate = 0.5
    return x + rate
"""


def test_excuses_fit_their_mutants(tmp_path):
    every = mutants(SOURCE)
    one = next(mutant for mutant in every if mutant.function == "train" and mutant.kind == "dropped term")
    (tmp_path / "mutants.toml").write_text(EXCUSED.format(id=one.id))
    found = excuses(tmp_path)
    spared = {mutant.id: found.excuse(mutant) for mutant in every if found.excuse(mutant)}
    assert spared.pop(one.id) == "the order does not matter"
    assert set(spared) == {
        mutant.id for mutant in every if mutant.function == "schedule" or mutant.before == "rate = 0.5"
    }
    assert found.unused(every) == ()


def test_excuses_that_fit_nothing_are_told(tmp_path):
    (tmp_path / "mutants.toml").write_text(EXCUSED.format(id="00000000"))
    assert excuses(tmp_path).unused(mutants("def f(x):\n    return x + 1\n")) == (
        "00000000",
        "schedule",
        "rate = 0.5",
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[[equivalent]]\nmutant = 'x'\n", id="no-reason"),
        pytest.param("[[equivalent]]\nmutant = 'x'\nreason = ' '\n", id="empty-reason"),
        pytest.param("[[free]]\nfunction = 'x'\nreason = 'y'\n", id="other-key"),
        pytest.param("equivalent = 1\n", id="no-table"),
        pytest.param("[[equal]]\n", id="unknown-table"),
        pytest.param("[[", id="not-toml"),
    ],
)
def test_malformed_excuses_are_refused(tmp_path, text):
    (tmp_path / "mutants.toml").write_text(text)
    with pytest.raises(SpecError, match=r"mutants\.toml"):
        excuses(tmp_path)


def test_without_a_file_nothing_is_excused(tmp_path):
    assert excuses(tmp_path).excuse(mutants("def f(x):\n    return x + 1\n")[0]) == ""
