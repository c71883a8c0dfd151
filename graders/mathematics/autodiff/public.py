"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np

from harness.grading import assert_close, check, expect_array, expect_number, wrong

EXACT = {"rtol": 1e-9, "atol": 1e-10}


@check(points=2, hint="turn a number on the other side into a Value first")
def test_value_computes(value, rng):
    """A Value knows +, -, *, /, ** and the sign, with numbers on either side"""
    a, b, c = (float(x) for x in rng.uniform(0.5, 2.0, size=3))
    x, y = value(a), value(b)
    for what, got, want in (
        ("a + b", x + y, a + b),
        ("a - b", x - y, a - b),
        ("a * b", x * y, a * b),
        ("a / b", x / y, a / b),
        ("a ** 3", x**3, a**3),
        ("a ** -0.5", x**-0.5, a**-0.5),
        ("-a", -x, -a),
        ("a + number", x + c, a + c),
        ("number + a", c + x, a + c),
        ("number - a", c - x, c - a),
        ("number * a", c * x, c * a),
        ("number / a", c / x, c / a),
        ("a.exp()", x.exp(), np.exp(a)),
        ("a.log()", x.log(), np.log(a)),
        ("a.tanh()", x.tanh(), np.tanh(a)),
        ("(-a).relu()", (-x).relu(), 0.0),
    ):
        assert_close(expect_number(got.data, what=what), want, **EXACT, what=f"({what}).data")
    if expect_number(x.grad, what="a.grad") != 0:
        wrong("a.grad: expected 0.0 before anybody has called backward().")


@check(points=3, hint="one slope at a time: d(a*b)/da is b, and d(1/b)/db is -1/b²")
def test_value_slopes(same_values, rng):
    """backward() gives the slope of every operation"""
    a, b = (float(x) for x in rng.uniform(0.5, 2.0, size=2))
    for what, program in (
        ("a + b", lambda a, b: a + b),
        ("a - b", lambda a, b: a - b),
        ("a * b", lambda a, b: a * b),
        ("a / b", lambda a, b: a / b),
        ("3 - a", lambda a, b: 3 - a),
        ("3 / b", lambda a, b: 3 / b),
        ("a ** 3", lambda a, b: a**3),
        ("a ** -1.5", lambda a, b: a**-1.5),
        ("a ** 0", lambda a, b: a**0),
        ("a.exp()", lambda a, b: a.exp()),
        ("a.log()", lambda a, b: a.log()),
        ("a.tanh()", lambda a, b: a.tanh()),
        ("a.relu()", lambda a, b: a.relu()),
        ("(-a).relu()", lambda a, b: (-a).relu()),
    ):
        same_values(program, (a, b), what)
    same_values(lambda a: a.relu(), (0.0,), "a.relu() at 0")


@check(points=2, hint="a value that is used twice gets the sum of both gradients: +=")
def test_value_used_twice(same_values, rng):
    """A value that is used several times gets the gradients of all its uses"""
    a, b = (float(x) for x in rng.uniform(0.5, 2.0, size=2))
    same_values(lambda a: a + a, (a,), "a + a")
    same_values(lambda a: a * a * a, (a,), "a * a * a")
    same_values(lambda a, b: (a * b) ** 2 + a / b, (a, b), "(a * b) ** 2 + a / b")


@check(points=2, hint="np.array(data, dtype=np.float64); the operators are NumPy's")
def test_tensor_computes(tensor, rng):
    """A Tensor computes what NumPy does, and keeps it in float64"""
    a, b = rng.uniform(0.5, 2.0, size=(2, 3, 4))
    x, y = tensor(a), tensor(b)
    for what, got, want in (
        ("a + b", x + y, a + b),
        ("a - b", x - y, a - b),
        ("a * b", x * y, a * b),
        ("a / b", x / y, a / b),
        ("a ** 2", x**2, a**2),
        ("-a", -x, -a),
        ("2 - a", 2 - x, 2 - a),
        ("1 / a", 1 / x, 1 / a),
        ("a + array", x + b, a + b),
        ("a @ b.T", x @ y.T, a @ b.T),
        ("a.exp()", x.exp(), np.exp(a)),
        ("a.log()", x.log(), np.log(a)),
        ("a.tanh()", x.tanh(), np.tanh(a)),
        ("(a - 1).relu()", (x - 1).relu(), np.maximum(a - 1, 0)),
        ("a.sum()", x.sum(), a.sum()),
        ("a.sum(axis=1)", x.sum(axis=1), a.sum(axis=1)),
        ("a.mean(axis=0, keepdims=True)", x.mean(axis=0, keepdims=True), a.mean(axis=0, keepdims=True)),
        ("a.reshape(2, 6)", x.reshape(2, 6), a.reshape(2, 6)),
        ("a[1]", x[1], a[1]),
    ):
        assert_close(got.data, want, **EXACT, dtype="float64", what=f"({what}).data")
    assert_close(x.grad, np.zeros((3, 4)), atol=0, what="a.grad before anybody has called backward()")


@check(points=2, hint="as for values: the slope of each entry, times the gradient")
def test_tensor_slopes(same_tensors, rng):
    """Gradients pass through operations that work entry by entry"""
    a, b = rng.uniform(0.5, 2.0, size=(2, 3, 4))
    for what, program in (
        ("a + b", lambda a, b: a + b),
        ("a * b", lambda a, b: a * b),
        ("a / b", lambda a, b: a / b),
        ("2 / a - b", lambda a, b: 2 / a - b),
        ("a ** 3 + b ** 0.5", lambda a, b: a**3 + b**0.5),
        ("a ** 0 * b", lambda a, b: a**0 * b),
        ("a.exp() * b.log()", lambda a, b: a.exp() * b.log()),
        ("a.tanh() * (b - 1).relu()", lambda a, b: a.tanh() * (b - 1).relu()),
    ):
        same_tensors(program, (a, b), what)


@check(points=2, hint="g @ bᵀ and aᵀ @ g: the shapes leave no other choice")
def test_matrix_product(same_tensors, rng):
    """Gradients pass through matrix products"""
    n, k, m = (int(size) for size in rng.permutation([2, 3, 4, 5])[:3])
    a, b = rng.normal(size=(n, k)), rng.normal(size=(k, m))
    same_tensors(lambda a, b: a @ b, (a, b), "a @ b")
    same_tensors(lambda a, b: (a @ b) ** 2 @ b.T, (a, b), "(a @ b) ** 2 @ b.T")


@check(points=2, hint="each entry of a sum gets the sum's gradient; of a mean, its share")
def test_sums_and_means(same_tensors, rng):
    """Gradients pass back through sums and means, over all axes or one"""
    a = rng.normal(size=(2, 3, 4))
    for axis in (None, 1, -1):
        for keepdims in (False, True):
            for name in ("sum", "mean"):
                what = f"a.{name}(axis={axis}, keepdims={keepdims}) * 2"
                program = lambda a, n=name, x=axis, k=keepdims: getattr(a, n)(**_over(x, k)) * 2  # noqa: E731
                same_tensors(program, (a,), what)


def _over(axis, keepdims):
    """Return keywords for a sum; torch wants every axis by its number to keep dimensions."""
    return {"axis": axis, "keepdims": keepdims} if axis is not None or keepdims else {}


@check(points=3, hint="copy x, move one entry to each side, divide the difference by 2 step")
def test_finite_differences(numerical_gradient, rng):
    """numerical_gradient(f, x) finds the gradient of any function, in two calls per entry"""
    x, weights = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    asked = []

    def f(at):
        asked.append(expect_array(at, shape=(2, 3), what="what f was called with").copy())
        return float((weights * asked[-1] ** 3).sum())

    got = numerical_gradient(f, x)
    assert_close(got, 3 * weights * x**2, rtol=1e-5, atol=1e-6, what="numerical_gradient(f, x)")
    if len(asked) > 2 * x.size + 1:
        wrong(
            f"numerical_gradient called f {len(asked)} times for {x.size} entries; two per entry are enough."
        )
    asked.clear()
    step = 0.5  # at this step a central difference of x³ is 3 x² + step², to the last digit
    got = numerical_gradient(f, x, step)
    want = weights * (3 * x**2 + step**2)
    assert_close(got, want, rtol=1e-9, atol=1e-9, what="numerical_gradient(f, x, step=0.5)")
