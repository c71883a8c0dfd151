"""What a recording gives back is what came, also where what came is hostile."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from harness import wire
from harness.callbacks import refuse
from harness.errors import NotRecorded
from harness.recording import Recorder, Replay, file_of, load, save
from harness.records import Exercise, Submission
from harness.sandbox.protocol import Ending, Stopped

EXERCISE = Exercise(id="stage/small", title="S", summary="S", entry="small.py")
SUBMISSION = Submission(files=(), entry="small.py", digest="d")
SOON = float("inf")


class Scripted:
    """A sandbox whose worker answers each question with given bytes, then stops."""

    name = "process"

    def __init__(self, *answers: bytes) -> None:
        self._answers, self._waiting = list(answers), bytearray()

    def tier(self):
        return "none"

    def image(self):
        return ""

    @contextmanager
    def launch(self, exercise):
        yield self

    def send(self, chunks, deadline):
        identity = wire.parse(chunks[1])["id"].encode()
        self._waiting += self._answers.pop(0).replace(b"IDENTITY", identity)

    def receive(self, size, deadline):
        if len(self._waiting) < size:
            raise Stopped("died", "it ended")
        part = self._waiting[:size]
        del self._waiting[:size]
        return part

    def quiet(self):
        return True

    def take_log(self):
        return b"printed"

    def end(self):
        return Ending(exit_code=3)


def question(name: str) -> list[bytes]:
    encoder = wire.Encoder(refuse)
    arguments = encoder.encode({"target": 0, "name": name})
    header = {"id": f"{name:0>32}", "op": "get", "arguments": arguments, "drop": [], "seed": 1}
    return wire.frame(header, encoder.body)


def framed(text: bytes, body: bytes = b"") -> bytes:
    return wire.PREFIX.pack(len(text), len(body)) + text + body


def heard(process, name: str) -> list[object]:
    """What a session would get to see: header without the question's number, body, or how it stopped."""
    process.send(question(name), SOON)
    try:
        header_size, body_size = wire.lengths(process.receive(wire.PREFIX.size, SOON), 1 << 20)
        header = bytes(process.receive(header_size, SOON))
        body = bytes(process.receive(body_size, SOON))
    except (Stopped, wire.ProtocolError) as problem:
        return [str(problem), process.end()]
    try:
        tree = wire.parse(header)
    except wire.ProtocolError as problem:
        return [str(problem)]
    return [tree.pop("id", None) == f"{name:0>32}", tree, body]


def answer(tree: object, body: bytes = b"") -> bytes:
    text = json.dumps({"id": "@", "value": tree}).encode().replace(b"@", b"IDENTITY")
    grown = len(text) - len(b"IDENTITY") + 32  # the number takes its place
    return wire.PREFIX.pack(grown, len(body)) + text + body


FLOATS = np.arange(6, dtype="float32").tobytes()
AT = {"at": 0, "size": 24}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(answer([1, "two", {"t": "tuple", "v": [3]}]), id="plain"),
        pytest.param(answer({"t": "tensor", "dtype": "float32", "shape": [2, 3], **AT}, FLOATS), id="tensor"),
        pytest.param(
            answer({"t": "tensor", "dtype": "bfloat16", "shape": [12], **AT}, FLOATS), id="bfloat16"
        ),
        pytest.param(answer({"t": "array", "dtype": "bool", "shape": [24], **AT}, FLOATS), id="no-booleans"),
        pytest.param(answer({"t": "bytes", **AT}, FLOATS), id="bytes"),
        pytest.param(answer([{"t": "bytes", **AT}, {"t": "bytes", **AT}], FLOATS), id="overlap"),
        pytest.param(answer({"t": "bytes", "at": 16, "size": 1 << 40}, FLOATS), id="outside"),
        pytest.param(answer({"t": "array", "dtype": [], "shape": {}, **AT}, FLOATS), id="no-dtype"),
        pytest.param(
            answer({"t": "array", "dtype": "float32", "shape": [-2, -3], **AT}, FLOATS), id="negative"
        ),
        pytest.param(answer(None).replace(b"null", b"1e99"), id="large"),
        pytest.param(
            wire.PREFIX.pack(32 + len('{"id":"","value":1e999}'), 0) + b'{"id":"IDENTITY","value":1e999}',
            id="infinite",
        ),
        pytest.param(framed(b'{"id":"another","value":1}'), id="to-another-question"),
        pytest.param(framed(b"[[[[ no json"), id="no-json"),
        pytest.param(framed(b'{"value":' + b"[" * 500 + b"]" * 500 + b"}"), id="deep"),
        pytest.param(wire.PREFIX.pack(1 << 30, 1 << 50), id="too-large"),
        pytest.param(wire.PREFIX.pack(100, 0) + b"{", id="cut-off"),
        pytest.param(b"", id="silent"),
    ],
)
def test_what_came_comes_again(said, tmp_path):
    recorder = Recorder(Scripted(said))
    with recorder.launch(EXERCISE) as process:
        before = [heard(process, "a"), process.take_log(), process.end()]
    file = file_of(tmp_path, "00")
    save(recorder.recording(EXERCISE, SUBMISSION, b"\0", ""), recorder.tensors, file)
    with Replay(*load(file)).launch(EXERCISE) as process:
        assert [heard(process, "a"), process.take_log(), process.end()] == before


def test_questions_are_passed_over_and_never_gone_back_to():
    recorder = Recorder(Scripted(*(answer(number) for number in range(3))))
    with recorder.launch(EXERCISE) as process:
        answers = {name: heard(process, name) for name in "abc"}
    replay = Replay(recorder.recording(EXERCISE, SUBMISSION, b"", ""), recorder.tensors)
    with replay.launch(EXERCISE) as process:
        assert heard(process, "b") == answers["b"]
        assert replay.missing is None
        with pytest.raises(NotRecorded, match="get a"):
            heard(process, "a")
    assert replay.missing is not None
    with pytest.raises(NotRecorded, match="fresh start"), replay.launch(EXERCISE):
        pass


def test_beyond_the_cap_nothing_is_kept():
    said = answer({"t": "bytes", "at": 0, "size": 5000}, bytes(5000))
    recorder = Recorder(Scripted(answer(1), said, said), cap=6000)
    with recorder.launch(EXERCISE) as process:
        for name in "abc":
            heard(process, name)
        process.end()
    made = recorder.recording(EXERCISE, SUBMISSION, b"", "")
    assert (made.workers, recorder.tensors) == ((), {})
    assert "more than" in made.dropped
