"""Functions of the grader's that a submission may call, and HTTP in both directions through the wall."""

import pytest

from tests.conftest import SPEC, outcomes

TOOLS = '''
    @check(points=1)
    def test_uses_the_function(submission):
        """minimise(f) finds where f is least"""
        asked = []
        def f(x):
            asked.append(x)
            return (expect_number(x) - 3) ** 2
        assert submission.minimise(f) == 3
        assert len(asked) >= 7

    @check(points=1)
    def test_tools(submission):
        """use(tools) picks a tool by name"""
        def add(a, b):
            return a + b
        assert submission.use({"add": add, "name": "add"}) == 5

    @check(points=1)
    def test_keeps_nothing(submission):
        """A function answers only while a question is open"""
        assert submission.later() == "refused"
'''
USES = """
kept = []
def minimise(f):
    kept.append(f)
    return min(range(7), key=f)
def use(tools):
    return tools[tools["name"]](2, b=3)
def later():
    import threading
    said = []
    def ask():
        try:
            said.append(kept[0](1))
        except Exception as error:
            said.append(type(error).__name__)
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return "refused" if said == [4] else said
"""


def test_a_submission_calls_what_it_is_given(small_course, graded, sandbox_name):
    result = graded(small_course(TOOLS), USES, sandbox=sandbox_name)
    assert outcomes(result) == {
        "uses_the_function": "passed",
        "tools": "passed",
        "keeps_nothing": "passed",
    }, result.checks


ONE = '''
    @check(points=1)
    def test_one(submission):
        """go(f) works"""
        def f(x):
            if not isinstance(x, int):
                wrong("f was called with something else")
            return x
        assert submission.go(f) == 1
'''
MISUSES = {
    "wrong-count": ("def go(f):\n    return f(1, 2, 3)\n", "crashed", "TypeError"),
    "wrong-kind": ("def go(f):\n    return f('x')\n", "failed", "something else"),
    "an-object": ("def go(f):\n    return f(object())\n", "crashed", "plain data"),
    "for-ever": ("def go(f):\n    while True:\n        f(1)\n", "crashed", ""),
    "caught": (
        "def go(f):\n    try:\n        f('x')\n    except TypeError:\n        return 1\n",
        "failed",
        "something else",
    ),
    "from-a-thread-later": (
        "import threading, time\n"
        "def late(f):\n    time.sleep(0.2)\n    f(1)\n"
        "def go(f):\n    threading.Thread(target=late, args=(f,)).start()\n    return 1\n",
        "passed",
        "",
    ),
}


@pytest.mark.parametrize(("text", "outcome", "words"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_the_submission_s_and_not_ours(small_course, graded, text, outcome, words):
    check = graded(small_course(ONE), text).checks[0]
    assert (str(check.outcome), words in check.message) == (outcome, True), check.message


ECHOES = '''
    @check(points=1)
    def test_objects(submission):
        """What came out as a key or in a set goes in again"""
        assert submission.colours(submission.table(), submission.both()) == 2

    @check(points=1)
    def test_deep(submission):
        """What is too deep to go in again is the submission's fault"""
        submission.colours(submission.deep(), set())

    @check(points=1)
    def test_deep_answer(submission):
        """The same from a function"""
        kept = submission.deep()
        submission.asks(lambda: [kept])

    @check(points=1)
    def test_goes_on(submission):
        """The conversation goes on afterwards"""
        assert submission.colours(submission.table(), submission.both()) == 2
'''
ECHOED = """
import enum
class Colour(enum.Enum):
    RED, BLUE = "r", "b"
def table():
    return {Colour.RED: [1], (Colour.BLUE, 2): [2]}
def both():
    return set(Colour)
def colours(table, members):
    return len({Colour.RED, (Colour.BLUE, 2)} & set(table)) if members == set(Colour) else 0
def deep():
    value = []
    for _ in range(32):
        value = [value]
    return value
def asks(f):
    return f()
"""


def test_answers_go_in_again_or_are_the_submission_s_fault(small_course, graded):
    result = graded(small_course(ECHOES), ECHOED)
    assert outcomes(result) == {
        "objects": "passed",
        "deep": "crashed",
        "deep_answer": "crashed",
        "goes_on": "passed",
    }, result.checks
    assert "nested more than 32 deep" in result.checks[1].message
    assert "nested more than 32 deep" in result.checks[2].message


WEB = '''
    import json
    from harness.web import Answer

    @check(points=1)
    def test_health(submission):
        """GET /health says ok"""
        response = submission.http.get("/health")
        assert (response.status, response.json()) == (200, {"ok": True})

    @check(points=1)
    def test_echo(submission):
        """POST /echo gives back what it got"""
        response = submission.http.post("/echo", json={"x": 1}, headers={"X-Key": "k"})
        assert response.json() == {"x": 1, "key": "k"}

    @check(points=1)
    def test_streams(submission):
        """GET /stream comes in pieces"""
        chunks = submission.http.get("/stream").chunks
        assert [chunk for _, chunk in chunks] == [b"a", b"b"]
        assert chunks[1][0] - chunks[0][0] > 0.1

    @check(points=1)
    def test_model(submission):
        """chat(url) asks the model behind an OpenAI-compatible address"""
        def model(method, path, headers, body):
            asked = json.loads(body)["messages"][0]["content"]
            return Answer.json({"choices": [{"message": {"content": asked.upper()}}]})
        assert submission.chat(submission.open_door(model), "hello") == "HELLO"

    @check(points=1)
    def test_address(submission):
        """The app listens where http.address says, for whoever asks from inside"""
        assert json.loads(submission.fetch(submission.http.address + "/health")) == {"ok": True}
'''
APP = """
import asyncio, json, urllib.request
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
app = FastAPI()
@app.get("/health")
def health():
    return {"ok": True}
@app.post("/echo")
async def echo(request: Request):
    return {**(await request.json()), "key": request.headers["x-key"]}
@app.get("/stream")
def stream():
    async def pieces():
        yield "a"
        await asyncio.sleep(0.3)
        yield "b"
    return StreamingResponse(pieces())
def fetch(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()
def chat(url, text):
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    with urllib.request.urlopen(url + "/v1/chat/completions", body) as response:
        return json.load(response)["choices"][0]["message"]["content"]
"""


def test_http_in_both_directions(small_course, graded, sandbox_name):
    spec = SPEC.replace('entry = "small.py"', 'entry = "small.py"\napp = "app"').replace(
        "import_seconds = 3.0", "import_seconds = 20.0"
    )
    result = graded(small_course(WEB, spec=spec), APP, sandbox=sandbox_name)
    assert set(outcomes(result).values()) == {"passed"}, [check.message for check in result.checks]
