from harness.grading import assert_close, check, wrong


@check(points=3)
def test_squares(submission, rng):
    """square(x) is x times x"""
    for _ in range(2):
        x = rng.normal(size=4)
        assert_close(submission.square(x), x**2, rtol=1e-9, atol=0, dtype="float64", what="square(x)")


@check(points=1)
def test_one(submission):
    """one() is 1"""
    value = submission.one()
    if type(value) is not int or value != 1:
        wrong("one() is not 1")
