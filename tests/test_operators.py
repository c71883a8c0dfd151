"""Operators on what stayed inside, for graders that ask for them."""

import numpy as np
import pytest

from harness.failures import LearnerFailure
from harness.grading import Wrong
from harness.operators import Operand, expect_operand
from harness.proxy import Remote, SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox.process import ProcessSandbox
from harness.session import Session

SOURCE = b"""
class Text:
    def __init__(self, text):
        self.text = str(text)

    def lower(self):
        return Text(self.text.lower())

    def __neg__(self):
        return Text(f"-{self.text}")

    def __rpow__(self, other):
        return Text("never asked")

    def __getitem__(self, key):
        return Text(self.text[key])

    def __lshift__(self, other):
        return Text("never asked")


def binary(sign, swapped=False):
    def operator(self, other):
        if isinstance(other, bytes):
            return NotImplemented
        if isinstance(other, float):
            return 17.0
        other = other.text if isinstance(other, Text) else type(other).__name__
        return Text(f"({other}{sign}{self.text})" if swapped else f"({self.text}{sign}{other})")
    return operator


for name, sign in {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "matmul": "@"}.items():
    setattr(Text, f"__{name}__", binary(sign))
    setattr(Text, f"__r{name}__", binary(sign, swapped=True))
Text.__pow__ = binary("^")
"""


@pytest.fixture(scope="module")
def proxy():
    exercise = Exercise(
        id="small/operators",
        title="Operators",
        summary="",
        entry="answers.py",
        topics=(),
        difficulty="easy",
        minutes=1,
        pass_mark=1.0,
        preload=("numpy",),
        limits=Limits(call_seconds=20.0),
    )
    file = SourceFile(path="answers.py", data=SOURCE)
    submission = Submission(files=(file,), entry="answers.py", digest="")
    session = Session(ProcessSandbox(), exercise, submission, b"secret")
    yield SubmissionProxy(session)
    session.close()


@pytest.fixture
def a(proxy):
    return expect_operand(proxy.Text("A"))


@pytest.fixture
def b(proxy):
    return proxy.Text("B")  # a plain reference serves on the right


def test_calls_the_operator_inside(a, b):
    assert (a + b).text == "(A+B)"
    assert (a - b).text == "(A-B)"
    assert (a * b).text == "(A*B)"
    assert (a / b).text == "(A/B)"
    assert (a @ b).text == "(A@B)"
    assert (a**b).text == "(A^B)"
    assert (-a).text == "-A"
    assert (-(a + b) * a).text == "(-(A+B)*A)"


def test_data_may_stand_on_either_side(a):
    assert (a + 1).text == "(A+int)"
    assert (2 + a).text == "(int+A)"
    assert (2 - a).text == "(int-A)"
    assert (2 * a).text == "(int*A)"
    assert (2 / a).text == "(int/A)"
    assert (np.ones(3) * a).text == "(ndarray*A)"


def test_methods_and_items_give_operands(a):
    assert isinstance(a.lower(), Operand)
    assert (a.lower() + a[0]).text == "(a+A)"


def test_answers_that_are_data_are_wrong(proxy, a):
    with pytest.raises(Wrong, match="expected an object, got a float"):
        a + 0.5
    with pytest.raises(Wrong, match="Text"):
        expect_operand(3.0, what="Text(…)")


def test_operators_that_are_missing_are_said_so(a):
    with pytest.raises(LearnerFailure, match="does not know"):
        a + b"bytes"
    with pytest.raises(TypeError):
        a << 1
    with pytest.raises(TypeError):
        a // 1


def test_plain_references_have_no_operators(b):
    assert type(b) is Remote
    with pytest.raises(TypeError):
        b + 1
