import torch

from harness.grading import assert_close, check, expect_tensor, wrong


@check(points=3)
def test_squares(submission, rng):
    """square(x) is x times x"""
    x = torch.from_numpy(rng.normal(size=4))
    answer = expect_tensor(submission.square(x), shape=(4,), dtype="float64", what="square(x)")
    assert_close(answer, x**2, rtol=1e-9, atol=0, what="square(x)")


@check(points=1)
def test_one(submission):
    """one() is 1"""
    value = submission.one()
    if type(value) is not int or value != 1:
        wrong("one() is not 1")
