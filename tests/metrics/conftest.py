"""Small matrices: a second BLAS thread gains nothing and waits for its turn on a shared machine."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield
