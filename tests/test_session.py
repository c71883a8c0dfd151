"""One submission's conversation: what survives what, and what a hostile answer can do (nothing)."""

import json
import time
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest

from harness import wire
from harness.errors import SandboxError
from harness.failures import LearnerFailure
from harness.grading import Wrong
from harness.proxy import SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox.process import ProcessSandbox
from harness.sandbox.protocol import Ending, Stopped
from harness.session import Session


def exercise(**limits) -> Exercise:
    known = {"memory_mb": 512, "call_seconds": 2.0, "import_seconds": 3.0, "log_kb": 64, "reply_mb": 8}
    return Exercise(
        id="stage/small", title="Small", summary="", entry="small.py", limits=Limits(**(known | limits))
    )


def handed_in(text: str = "", **others: str) -> Submission:
    texts = {"small.py": text} | {f"{name}.py": body for name, body in others.items()}
    files = tuple(SourceFile(path=name, data=body.encode()) for name, body in texts.items())
    return Submission(files=files, entry="small.py", digest="")


@pytest.fixture
def opened():
    """Open sessions in the process sandbox, and close them after the test."""
    sessions = []

    def open_one(text: str, *, seed: bytes = b"seed", **limits) -> tuple[Session, SubmissionProxy]:
        session = Session(ProcessSandbox(), exercise(**limits), handed_in(text), seed)
        sessions.append(session)
        return session, SubmissionProxy(session)

    yield open_one
    for session in sessions:
        session.close()


def failure_of(call: Callable[[], object]) -> LearnerFailure:
    with pytest.raises(LearnerFailure) as failure:
        call()
    return failure.value


def failed(submission: SubmissionProxy, name: str) -> LearnerFailure:
    with pytest.raises(LearnerFailure) as failure:
        submission[name]()
    return failure.value


# ---- deaths and fresh starts -----------------------------------------------------------------

MORTAL = "import os\ncount = 0\ndef one(): return 1\ndef die(): os._exit(3)\ndef make(): return object()\n"


def test_the_worker_is_started_by_the_first_question_and_stays(opened):
    session, submission = opened("count = 0\ndef up():\n    global count\n    count += 1\n    return count\n")
    assert session.starts == 0
    assert [submission.up(), submission.up()] == [1, 2]
    assert session.starts == 1


def test_after_a_death_every_question_of_the_check_fails_alike(opened):
    session, submission = opened(MORTAL)
    function = submission["one"]
    died = failed(submission, "die")
    assert (died.reason, "exit code 3" in str(died)) == ("exit", True)
    assert failed(submission, "one") is died
    assert failure_of(function) is died
    assert session.next_check() is True
    assert session.next_check() is False
    assert submission.one() == 1
    assert session.starts == 2


def test_restarts_are_bounded(opened):
    session, submission = opened(MORTAL, restarts=2)
    for _ in range(3):
        assert failed(submission, "die").reason == "exit"
        session.next_check()
    failure = failed(submission, "one")
    assert (failure.reason, "3 times" in str(failure)) == ("restarts", True)
    assert session.starts == 3


USES = {
    "called": lambda submission, lost: lost(),
    "asked-for-an-attribute": lambda submission, lost: lost.name,
    "iterated": lambda submission, lost: list(lost),
    "given-as-an-argument": lambda submission, lost: submission.same(lost),
    "given-inside-a-list": lambda submission, lost: submission.same([(lost, 1)]),
    "given-by-name": lambda submission, lost: submission.same(x={"a": lost}),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_object_of_a_dead_worker_is_lost(opened, use):
    """Its number would mean another object in the new worker."""
    session, submission = opened(MORTAL + "def same(x): return x\n")
    lost = submission.make()
    failed(submission, "die")
    session.next_check()
    other = submission.make()
    failure = failure_of(lambda: use(submission, lost))
    assert (failure.reason, "lost" in str(failure)) == ("lost", True)
    assert repr(submission.same(other)) == "<object in the sandbox>"


IMPORTS = {
    "raises": ("raise ValueError('at import')", "ValueError: at import"),
    "exits": ("raise SystemExit(0)", "SystemExit"),
    "dies": ("import os\nos._exit(0)", "exit code 0"),
    "hangs": ("while True: pass", "train or wait when imported"),
    "floods": ("while True: print('x' * 1000)", "64 KiB"),
    "syntax": ("def f(:\n    pass", "small.py, line 1"),
}


@pytest.mark.parametrize(("text", "words"), IMPORTS.values(), ids=IMPORTS)
def test_an_import_that_fails_is_not_repeated(opened, text, words):
    session, submission = opened(text, import_seconds=0.5 if "while True: pass" in text else 20.0)
    first = failed(submission, "one")
    session.next_check()
    again = failed(submission, "two")
    assert first.reason == again.reason == "import"
    assert str(first) == str(again)
    assert str(first).startswith("small.py could not be imported. ")
    assert words in str(first)
    assert session.starts == 1


def test_the_time_for_the_whole_submission_is_a_kill_switch(opened):
    session, submission = opened(
        "import time\ndef nap(): time.sleep(9)\ndef one(): return 1\n", total_seconds=3.0
    )
    failure = failure_of(lambda: submission.within(seconds=100).nap())
    assert (failure.reason, "3 s" in str(failure)) == ("timeout", True)
    session.next_check()
    began = time.monotonic()
    failure = failed(submission, "one")
    assert (failure.reason, "whole submission" in str(failure)) == ("timeout", True)
    assert time.monotonic() - began < 1
    assert session.starts == 1


def test_a_call_has_its_own_limit_and_the_closest_is_recorded(opened):
    session, submission = opened("import time\ndef nap(s): time.sleep(s)\n", call_seconds=0.5)
    submission.within(seconds=4).nap(0.8)
    assert 0.15 < session.closest_call < 0.6
    failure = failure_of(lambda: submission.nap(5))
    assert (failure.reason, "0.5 s" in str(failure)) == ("timeout", True)


def test_too_many_objects_in_one_answer_cost_that_answer_only(opened):
    _, submission = opened("def many(n): return [object() for _ in range(n)]\ndef one(): return [1]\n")
    for _ in range(2):
        failure = failure_of(lambda: submission.many(1001))
        assert (failure.reason, "more than 1000 objects" in str(failure)) == ("unsendable", True)
    assert len(submission.many(900)) == 900  # dropped with the list, so that there is room again
    assert len(submission.many(900)) == 900


def test_an_answer_over_the_cap_is_said_and_costs_no_worker(opened):
    session, submission = opened("def big(n): return bytes(n)\ndef deep():\n    return ['x' * 250] * 40000\n")
    failure = failure_of(lambda: submission.big(9 << 20))
    assert (failure.reason, "8 MiB" in str(failure)) == ("unsendable", True)
    assert (failed(submission, "deep").reason, session.starts) == ("unsendable", 1)
    assert len(submission.big(7 << 20)) == 7 << 20


def test_what_was_printed_is_taken_once(opened):
    session, submission = opened(
        "print('at import')\ndef say(x): print(x)\ndef die():\n    print('last words'); import os; os._exit(1)\n"
    )
    submission.say("hello \ud800")
    assert session.take_log() == "at import\nhello \\ud800\n"
    submission.say("two")
    assert session.take_log() == "two\n"
    assert session.take_log() == ""
    failed(submission, "die")
    assert session.take_log() == "last words\n"


SEEDED = """
import random
import numpy as np
at_import = random.random()
def draw(): return [random.random(), float(np.random.rand())]
"""


def test_the_same_seed_gives_the_same_random_numbers(opened):
    def drawn(seed: bytes) -> list[object]:
        _, submission = opened(SEEDED, seed=seed)
        return [submission["at_import"], submission.draw(), submission.draw()]

    first = drawn(b"a")
    assert first == drawn(b"a")
    assert first[1] != first[2]
    assert all(x != y for x, y in zip(first, drawn(b"b"), strict=True))


# ---- attacks from inside ---------------------------------------------------------------------

HELPERS = """
import json, os, struct, sys

def pipes():
    return [n for n in range(3, 30) if os.path.exists(f"/proc/self/fd/{n}") and "pipe" in os.readlink(f"/proc/self/fd/{n}")]

def say(data):
    for number in pipes():
        try:
            os.write(number, data)
        except OSError:
            pass

def frame(tree, body=b""):
    text = json.dumps(tree).encode()
    return struct.pack(">IQ", len(text), len(body)) + text + body

def asked_id():
    place = sys._getframe()
    while place:
        for value in place.f_locals.values():
            if isinstance(value, dict) and "op" in value and "id" in value:
                return value["id"]
        place = place.f_back

def honest():
    return 1
"""
ATTACKS = {
    "noise": "def attack(): say(b'noise'); return 1",
    "noise-at-import": "say(b'noise')\ndef attack(): return 1",
    "a-lot-of-noise": "def attack(): say(b'x' * 65536 * 3); return 1",
    "forged-without-id": "def attack(): say(frame({'value': 1}))",
    "forged-wrong-id": "def attack(): say(frame({'id': '0' * 32, 'value': 1}))",
    "forged-huge": "def attack(): say(struct.pack('>IQ', 2**32 - 1, 2**64 - 1))",
    "forged-deep": "def attack(): say(frame({'id': asked_id()})[:-1] + b',\"value\":' + b'[' * 10**5)",
    "forged-unhashable": "def attack(): say(frame({'id': asked_id(), 'value': {'t': []}}))",
    "forged-overflow": "def attack(): say(frame({'id': asked_id(), 'value': {'t': 'tensor', 'dtype': 'float32', 'shape': [0, 2**47, 2**47], 'at': 0, 'size': 0}}))",
    "forged-kind": "def attack(): say(frame({'id': asked_id(), 'score': 100, 'passed': True}))",
    "answer-with-too-much": "def attack(): say(frame({'id': asked_id(), 'value': 0}) + b'more')",
    "closes-every-descriptor": "def attack(): os.closerange(3, 100); return 1",
    "patches-json": "import json\njson.dumps = lambda *a, **k: 'passed'\ndef attack(): return 1",
    "patches-struct": "import harness.wire as w\nw.PREFIX = struct.Struct('>Q')\ndef attack(): return 1",
    "patches-the-encoder": "import harness.wire as w\nw.Encoder.encode = lambda *a: {'t': 'array'}\ndef attack(): return 1",
    "patches-the-frame": "import harness.wire as w\nw.frame = lambda *a: [b'passed']\ndef attack(): return 1",
    "patches-the-loop": "import harness.inside.worker as w\nw.Worker._answer = lambda *a: ({'passed': 1}, [])\ndef attack(): return 1",
    "patches-isinstance": "import builtins\nbuiltins.isinstance = lambda *a: True\ndef attack(): return 2",
    "kills-the-interpreter": "import ctypes\ndef attack(): ctypes.string_at(0)",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_on_the_protocol_earns_no_answer(opened, text):
    """Whatever it does there, the grader gets a failure of the learner's, and never an exception of ours."""
    _, submission = opened(HELPERS + text, call_seconds=5.0)
    failure = failure_of(lambda: (submission.attack(), submission.honest()))
    assert failure.reason in {"protocol", "exit", "import", "exception", "unsendable"}, failure
    assert len(str(failure)) < 10_000


def test_an_answer_that_came_before_the_question_ends_it(opened):
    text = (
        HELPERS
        + "import threading, time\ndef early():\n    threading.Timer(0.2, lambda: say(frame({'id': 'x', 'value': 1}))).start()\n"
    )
    session, submission = opened(text)
    submission.early()
    end = time.monotonic() + 20
    while session._process.quiet() and time.monotonic() < end:
        session.take_log()
    assert failed(submission, "honest").reason == "protocol"
    session.next_check()
    assert submission.honest() == 1


# ---- hostile answers, byte for byte ----------------------------------------------------------


class Scripted:
    """A process and its sandbox that answer as they are told."""

    name = "process"

    def __init__(self, answer: Callable[[dict], bytes], *, ending: Ending | None = None) -> None:
        self._answer, self._ending = answer, ending or Ending()
        self._bytes = bytearray()
        self.asked: list[dict] = []

    @contextmanager
    def launch(self, _exercise):
        self._bytes.clear()
        yield self

    def send(self, chunks, _deadline):
        data = b"".join(chunks)
        header, _ = wire.lengths(data[: wire.PREFIX.size], 1 << 30)
        self.asked.append(wire.parse(data[wire.PREFIX.size : wire.PREFIX.size + header]))
        ours = self.asked[-1]["op"] in ("preload", "load", "start")
        self._bytes += answer(self.asked[-1], value=None) if ours else self._answer(self.asked[-1])

    def receive(self, size, _deadline):
        if len(self._bytes) < size:
            raise Stopped("timeout", "it took too long")
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return bytearray(taken)

    def quiet(self):
        return not self._bytes

    def take_log(self):
        return b""

    def end(self):
        return self._ending


def framed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return wire.PREFIX.pack(len(text), len(body)) + text + body


def answer(asked: dict, body: bytes = b"", **content) -> bytes:
    return framed({"id": asked["id"], **content}, body)


def talk(reply: Callable[[dict], bytes], **options) -> tuple[Session, SubmissionProxy, Scripted]:
    scripted = Scripted(reply, **options)
    session = Session(scripted, exercise(), handed_in(), b"seed")
    return session, SubmissionProxy(session), scripted


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


HOSTILE = {
    "no-id": lambda asked: framed({"value": 1}),
    "wrong-id": lambda asked: framed({"id": "0" * 32, "value": 1}),
    "id-list": lambda asked: framed({"id": [asked["id"]], "value": 1}),
    "nothing": answer,
    "not-an-object": lambda asked: framed([1]),
    "not-json": lambda asked: framed(b"passed"),
    "nan": lambda asked: framed(b'{"id": "%s", "value": NaN}' % asked["id"].encode()),
    "huge-header": lambda asked: wire.PREFIX.pack(2**32 - 1, 0),
    "huge-body": lambda asked: wire.PREFIX.pack(2, (8 << 20) + 1),
    "unknown-type": lambda asked: answer(asked, value={"t": "object"}),
    "unhashable-type": lambda asked: answer(asked, value={"t": ["array"]}),
    "overflow": lambda asked: answer(
        asked, value={"t": "tensor", "dtype": "float32", "shape": [0, 1 << 47, 1 << 47], "at": 0, "size": 0}
    ),
    "beyond-the-body": lambda asked: answer(asked, value={"t": "bytes", "at": 0, "size": 1}),
    "a-callback": lambda asked: answer(asked, value={"t": "callback", "id": 1, "shown": "x"}),
}


@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE)
def test_a_violation_ends_the_worker(reply):
    session, submission, scripted = talk(reply)
    failure = failure_of(lambda: submission["one"])
    assert failure.reason == "protocol"
    assert failure_of(lambda: submission["two"]) is failure
    assert len(scripted.asked) == 4  # preload, load, start and the one
    session.next_check()
    assert failure_of(lambda: submission["one"]).reason == "protocol"
    assert session.starts == 2


def test_one_answer_too_many_ends_the_next_question():
    _, submission, scripted = talk(lambda asked: answer(asked, value=1) + answer(asked, value=2))
    assert submission["one"] == 1
    assert failure_of(lambda: submission["two"]).reason == "protocol"
    assert len(scripted.asked) == 4, "it was asked although an answer was there already"


SHAPES = {
    "error-null": {"error": None},
    "error-list": {"error": [1]},
    "error-empty": {"error": {}},
    "error-of-wrong-types": {"error": {"type": [1], "message": {}, "frames": 3}},
    "error-frames": {
        "error": {"type": "E", "frames": [1, {}, {"file": [], "line": {}, "column": [], "source": 1}]}
    },
    "error-column": {
        "error": {"type": "E", "frames": [{"file": "a", "line": 1, "source": "x", "column": 10**9}]}
    },
    "error-escapes": {"error": {"type": "\x1b[31m\ud800E", "message": "\u202e\x00", "frames": []}},
    "missing-null": {"missing": None},
    "missing-near-number": {"missing": "", "name": "a", "near": 5},
    "missing-near-mixed": {"missing": "", "name": "a", "near": [1, None, [], "b\x1b[0m"]},
    "missing-name-list": {"missing": [], "name": [[1]]},
    "unsendable-null": {"unsendable": None},
    "unsendable-list": {"unsendable": [[["a"]]]},
    "unsendable-escapes": {"unsendable": "\x1b]8;;http://x\x07click\x1b\\ \u202e" + "x" * 10_000},
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_a_described_failure_of_any_shape_becomes_clean_words(content):
    _, submission, _ = talk(lambda asked: answer(asked, **content))
    failure = failure_of(lambda: submission["one"])
    assert failure.reason in {"exception", "missing", "unsendable"}
    for text in (str(failure), failure.brief):
        assert text
        assert len(text) < 5000
        assert all(character.isprintable() or character in "\n\t\ufffd" for character in text)


@pytest.mark.parametrize("levels", [900, 950, 980, 990])
@pytest.mark.parametrize(
    "place", [b'"error":{"type":%s}', b'"error":{"message":%s}', b'"unsendable":%s', b'"value":%s']
)
def test_a_deep_answer_is_no_recursion_of_ours(place, levels):
    _, submission, _ = talk(
        lambda asked: framed(b'{"id":"%s",%s}' % (asked["id"].encode(), place % deep(levels)))
    )
    failure = failure_of(lambda: submission["one"])
    assert failure.reason in {"exception", "unsendable", "protocol"}


# ---- faults of ours --------------------------------------------------------------------------


class Unusable(Scripted):
    """A sandbox in which something fails before any line of a learner's ran."""

    def __init__(self, operation: str, problem: Exception | bytes) -> None:
        super().__init__(lambda _asked: b"")
        self._operation, self._problem = operation, problem

    @contextmanager
    def launch(self, exercise):
        if self._operation == "launch":
            raise self._problem
        with super().launch(exercise) as process:
            yield process

    def send(self, chunks, deadline):
        super().send(chunks, deadline)
        if self.asked[-1]["op"] == self._operation:
            if isinstance(self._problem, Exception):
                raise self._problem
            self._bytes[:] = self._problem


FAULTS = {
    "cannot-start": ("launch", SandboxError("no room")),
    "dies-at-once": ("preload", Stopped("died", "its process ended")),
    "dies-with-the-files": ("load", Stopped("died", "its process ended")),
    "hangs-with-the-files": ("load", b""),
    "answers-nonsense": ("load", framed({"id": "?", "value": 1})),
    "cannot-write": ("load", framed({"error": {"type": "OSError", "message": "No space left"}})),
}


@pytest.mark.parametrize(("operation", "problem"), FAULTS.values(), ids=FAULTS)
def test_what_fails_before_learner_code_runs_is_a_sandbox_error(operation, problem):
    session = Session(Unusable(operation, problem), exercise(), handed_in(), b"seed")
    with pytest.raises(SandboxError):
        session.ask("get", None, target=0, name="one")


def test_warming_fails_as_a_sandbox_error():
    session = Session(
        Unusable("preload", Stopped("died", "its process ended")), exercise(), handed_in(), b"seed"
    )
    with pytest.raises(SandboxError, match="did not take the files"):
        session.warm()


def test_a_refused_submission_starts_nothing():
    session, submission, scripted = talk(lambda asked: answer(asked, value=1))
    session.refuse(LearnerFailure("invalid", "a PDF"))
    assert failure_of(lambda: submission["one"]).reason == "invalid"
    assert (session.starts, scripted.asked) == (0, [])


NOT_DATA = {"function": print, "object": object(), "module": json, "proxy": None}


@pytest.mark.parametrize("name", NOT_DATA)
def test_only_data_goes_in(name):
    """What a grader sends by mistake is the grader's fault, not the learner's."""
    _, submission, _ = talk(
        lambda asked: answer(asked, value={"t": "handle", "id": 1, "shown": "f", "callable": True})
    )
    function = submission["one"]
    value = submission if name == "proxy" else NOT_DATA[name]
    with pytest.raises(TypeError, match="only data"):
        function([{"a": value}])


def test_no_question_holds_what_only_the_grader_may_know():
    session, submission, scripted = talk(lambda asked: answer(asked, value=1))
    session._seed = b"a secret of this run"
    assert [submission["one"], submission["two"]] == [1, 1]
    text = json.dumps(scripted.asked)
    assert {key for asked in scripted.asked for key in asked} == {
        "id",
        "op",
        "arguments",
        "drop",
        "seed",
        "cap",
    }
    assert "secret" not in text
    assert len({asked["id"] for asked in scripted.asked}) == len(scripted.asked)
    assert scripted.asked[-1]["seed"] != scripted.asked[-2]["seed"]


def test_handles_that_are_made_up_do_not_fill_the_next_question():
    handle = {"t": "handle", "shown": "", "callable": False}
    many = [{**handle, "id": number} for number in range(20_000)]
    _, submission, scripted = talk(lambda asked: answer(asked, value=many))
    kept = [submission["one"] for _ in range(3)]
    del kept
    assert len(submission["two"]) == 20_000
    assert max(len(asked["drop"]) for asked in scripted.asked) == 10_000


def test_what_a_graders_function_raised_is_not_told_of_a_later_question(opened):
    """The submission hung on afterwards: that check has its own words."""
    session, submission = opened(
        "import time\ndef use(f):\n    try: f()\n    except TypeError: time.sleep(60)\ndef one(): return 1\n"
    )

    def tool():
        raise Wrong("wrong-values", "it was called in the wrong order")

    assert failure_of(lambda: submission.within(seconds=0.5).use(tool)).reason == "timeout"
    session.next_check()
    assert submission.one() == 1


def test_arrays_go_in_and_come_out():
    _, submission, _ = talk(
        lambda asked: answer(
            asked, bytes(16), value={"t": "array", "dtype": "float64", "shape": [2], "at": 0, "size": 16}
        )
    )
    assert np.array_equal(submission["one"], np.zeros(2))
