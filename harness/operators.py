"""Operators on what stayed inside: `a + b` on an operand calls the operator in the sandbox.

A `Remote` has none on purpose. A grader that computes with an answer before it has looked at
it would let the submission do the arithmetic; so operators are for those who ask for them:

    a = expect_operand(submission.Value(2.0), what="Value(2.0)")
    expect_number((3 * a + 1).data)
"""

from __future__ import annotations

from typing import Any, Final

from harness.failures import LearnerFailure
from harness.grading import kind_of, wrong
from harness.proxy import Remote

NOT_IMPLEMENTED: Final = "NotImplementedType"


class Operand(Remote):
    """An object inside whose operators, items and methods are asked there; their objects are operands too.

    Operators, reflected ones included: `+ - * / ** @` and the sign. What an operator gives has to
    be an object again; raises `Wrong` otherwise. Comparisons are by identity, as for any `Remote`.
    """

    __array_ufunc__ = None  # NumPy on the left leaves the operator to us

    def _ask(self, operation: str, **arguments: Any) -> Any:
        return _operand(super()._ask(operation, **arguments))

    def _operate(self, operator: str, *others: Any) -> Operand:
        answer = self._ask("call", name=f"__{operator}__", args=others, kwargs={})
        if isinstance(answer, Remote) and answer._handle.shown == NOT_IMPLEMENTED:  # noqa: SLF001 - one of ours
            kinds = "".join(f" and {kind_of(other)}" for other in others)
            raise LearnerFailure(
                "exception", f"TypeError: __{operator}__ does not know {kind_of(self)}{kinds}."
            )
        return expect_operand(answer, what=f"__{operator}__")

    def __add__(self, other: Any) -> Operand:
        return self._operate("add", other)

    def __radd__(self, other: Any) -> Operand:
        return self._operate("radd", other)

    def __sub__(self, other: Any) -> Operand:
        return self._operate("sub", other)

    def __rsub__(self, other: Any) -> Operand:
        return self._operate("rsub", other)

    def __mul__(self, other: Any) -> Operand:
        return self._operate("mul", other)

    def __rmul__(self, other: Any) -> Operand:
        return self._operate("rmul", other)

    def __truediv__(self, other: Any) -> Operand:
        return self._operate("truediv", other)

    def __rtruediv__(self, other: Any) -> Operand:
        return self._operate("rtruediv", other)

    def __pow__(self, other: Any) -> Operand:
        return self._operate("pow", other)

    def __matmul__(self, other: Any) -> Operand:
        return self._operate("matmul", other)

    def __neg__(self) -> Operand:
        return self._operate("neg")


def expect_operand(value: object, *, what: str = "the answer") -> Operand:
    """Return an object that stayed inside as an operand; raises `Wrong` for data."""
    if not isinstance(value, Remote):
        wrong(f"{what}: expected an object, got {kind_of(value)}.", reason="wrong-type")
    operand = _operand(value)
    assert isinstance(operand, Operand)
    return operand


def _operand(value: Any) -> Any:
    """Return what an object inside answered; objects as operands, data as it is."""
    if isinstance(value, Remote) and not isinstance(value, Operand):
        return Operand(value._reference, value._seconds)  # noqa: SLF001 - one of ours
    return value
