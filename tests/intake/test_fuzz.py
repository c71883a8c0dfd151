"""Whatever is handed in, intake returns a submission or says why not, soon; `make nightly` tries 10,000 of each."""

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SubmissionError
from harness.intake.archive import files_in
from harness.intake.names import check_names
from harness.intake.notebook import cells_of
from harness.intake.python import check_python
from tests.fuzzing import cases
from tests.intake.test_archives import GOOD

TEXT = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
SOURCE = (
    TEXT
    | st.lists(TEXT, max_size=4)
    | st.sampled_from(["%matplotlib inline", "!ls", "%%bash\nls", "x?", "x = 1"])
    | JSON
)
CELL = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | JSON, "source": SOURCE},
    optional={
        "metadata": JSON,
        "outputs": JSON,
        "id": JSON,
        "execution_count": JSON,
        "input": SOURCE,
        "attachments": JSON,
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {"cells": st.lists(CELL | JSON, max_size=5) | JSON},
    optional={
        "nbformat": st.integers(-1, 6) | JSON,
        "nbformat_minor": JSON,
        "metadata": JSON,
        "worksheets": JSON,
    },
)


def settled(read):
    """Run a reader; only a `SubmissionError` may come out, and soon."""
    began = time.monotonic()
    try:
        read()
    except SubmissionError as error:
        assert str(error)
    assert time.monotonic() - began < 5


@given(tree=NOTEBOOK | JSON)
@cases(150)
def test_notebooks(tree):
    settled(lambda: cells_of(json.dumps(tree).encode(), "x.ipynb"))


@given(data=st.binary(max_size=400))
@cases(150)
def test_bytes_as_a_notebook(data):
    settled(lambda: cells_of(data, "x.ipynb"))


@given(data=st.binary(max_size=400))
@cases(150)
def test_bytes_as_python(data):
    settled(lambda: check_python(data, "x.py"))


@given(names=st.lists(st.text(max_size=60), max_size=5))
@cases(150)
def test_names(names):
    settled(lambda: check_names(names))


@given(
    kind=st.sampled_from(sorted(GOOD)),
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=6)), max_size=4),
)
@cases(150)
def test_damaged_archives(kind, edits):
    data = bytearray(GOOD[kind])
    for place, piece in edits:
        start = place % len(data)
        data[start : start + len(piece)] = piece
    settled(lambda: files_in(bytes(data), "x.zip"))
