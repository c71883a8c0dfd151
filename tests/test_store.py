"""Results as files: written whole or not at all, and read back as the same records."""

import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.records import (
    RESULT_SCHEMA,
    CheckResult,
    Curve,
    Measurement,
    MetricSpec,
    Outcome,
    Picture,
    Provenance,
    Result,
    Score,
    TextSample,
    Visibility,
)
from harness.store import dump, load, save, schema

PUBLISHED = Path(__file__).parents[1] / "docs" / "result.schema.json"
SPEC = MetricSpec(better="lower", unit="bits", zero=1.0, full=0.2, scale="log", pass_share=0.6)
MEASURED = Measurement(value=0.5, low=0.4, high=0.6, interval="bootstrap", n=10, notes=("a", "b"))
EXHIBITS = (
    Picture(title="P", png_base64="aGk=", caption="c"),
    TextSample(title="T", text="größe\n🙂"),
    Curve(title="C", values=(1.0, 0.5)),
)
CHECKS = (
    CheckResult(name="a", title="A", outcome=Outcome.PASSED, earned=2.0, points=2.0, seconds=0.25),
    CheckResult(
        name="b",
        title="B",
        outcome=Outcome.FAILED,
        earned=0.5,
        points=1.0,
        visibility=Visibility.HIDDEN,
        message="</script> & 'more'",
        hint="try",
        reason="below-mark",
        needs=("a",),
        metric=SPEC,
        measured=MEASURED,
        exhibits=EXHIBITS,
    ),
)
PROVENANCE = Provenance(
    roadmark="0.1",
    python="3.11",
    torch="2",
    exercise_digest="e",
    grader_digest="g",
    sandbox="docker",
    tier="t",
)
RESULT = Result(
    exercise="stage/small",
    exercise_title="Small",
    learner="ada",
    submission="d" * 64,
    origin="ada/small.py",
    score=Score(earned=2.5, possible=3.0, passed=True),
    checks=CHECKS,
    pass_mark=0.6,
    notices=("n",),
    log="line\n",
    provenance=PROVENANCE,
)


def refused(call) -> SpecError:
    with pytest.raises(SpecError) as error:
        call()
    return error.value


def test_a_result_comes_back_as_it_was(tmp_path):
    file = tmp_path / "new" / "folder" / "result.json"
    save(RESULT, file)
    assert load(file) == RESULT
    assert file.read_bytes() == dump(RESULT)
    assert [path.name for path in file.parent.iterdir()] == ["result.json"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=50)
@given(text=TEXT, number=FINITE, outcome=st.sampled_from(Outcome), values=st.lists(FINITE, max_size=5))
def test_any_text_and_number_comes_back(tmp_path_factory, text, number, outcome, values):
    check = replace(
        CHECKS[1],
        message=text,
        outcome=outcome,
        measured=replace(MEASURED, value=number, low=None),
        exhibits=(Curve(title=text, values=tuple(values)),),
    )
    result = replace(RESULT, checks=(check,), log=text, learner=text, origin=text)
    file = tmp_path_factory.mktemp("results") / "r.json"
    save(result, file)
    assert load(file) == result
    jsonschema.validate(json.loads(dump(result)), schema())


def test_writing_leaves_the_old_result_until_the_new_one_is_whole(tmp_path, monkeypatch):
    file = tmp_path / "r.json"
    save(RESULT, file)

    def full(self, _data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        save(replace(RESULT, learner="bob"), file)
    monkeypatch.undo()
    assert load(file).learner == "ada"


def changed(**fields) -> bytes:
    return json.dumps({**json.loads(dump(RESULT)), **fields}).encode()


REFUSED = {
    "empty": (b"", "is not a result: "),
    "not-utf8": (b"\xff\xfe{}", "is not a result: "),
    "not-json": (b"{", "is not a result: "),
    "a-list": (b"[]", "is not a result of schema version 1"),
    "a-number": (b"7", "is not a result of schema version 1"),
    "deep": (b"[" * 100_000, "is not a result: "),
    "no-version": (b"{}", "is not a result of schema version 1"),
    "older": (changed(schema_version=0), "is not a result of schema version 1"),
    "newer": (changed(schema_version=2), "is not a result of schema version 1"),
    "version-as-text": (changed(schema_version="1"), "is not a result of schema version 1"),
    "unknown-field": (changed(bonus=5), "is not a result: "),
    "missing-field": (b'{"schema_version": 1}', "is not a result: "),
    "wrong-type": (changed(checks=5), "is not a result: "),
    "unknown-outcome": (
        changed(checks=[{**json.loads(dump(RESULT))["checks"][0], "outcome": "great"}]),
        "is not a result: ",
    ),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_result_of_this_version_is_refused(tmp_path, data, words):
    file = tmp_path / "r.json"
    file.write_bytes(data)
    assert f"{file} {words}" in str(refused(lambda: load(file)))


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    assert str(refused(lambda: load(tmp_path / "nowhere"))).endswith("nowhere: No such file or directory")
    assert str(refused(lambda: load(tmp_path))).endswith(": Is a directory")


def test_the_published_schema_is_that_of_the_code():
    """ROADMARK_RENEW=1 writes it anew; a change that readers notice also raises RESULT_SCHEMA."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("ROADMARK_RENEW"):
        PUBLISHED.write_text(text, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == text, (
        "renew it: ROADMARK_RENEW=1 pytest tests/test_store.py"
    )


def test_the_schema_describes_results_and_refuses_others():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(dump(RESULT)), schema())
    for broken in (changed(score=5), changed(bonus=1), changed(checks=[{}]), changed(kind="exam")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(broken), schema())


def test_the_schema_carries_its_version():
    tree = schema()
    assert tree["properties"]["schema_version"]["default"] == RESULT_SCHEMA
    required = {"score", "checks", "exercise", "learner", "provenance"}
    assert required <= set(tree["required"])
    assert tree["additionalProperties"] is False
