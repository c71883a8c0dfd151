from harness.grading import assert_close, check


@check(points=1)
def test_cubes(submission, rng):
    """cube(x) is x times x times x"""
    x = rng.normal(size=4)
    assert_close(submission.cube(x), x**3, rtol=1e-9, atol=0)
