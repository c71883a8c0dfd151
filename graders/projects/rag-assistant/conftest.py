"""The service with its secrets and a library, a model that this file plays, and visitors."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

import pytest

from harness.grading import Rng, wrong
from harness.sources.planted_facts import Kind, Question, make_corpus
from harness.web import Answer, Response

MODEL: Final = "scripted-1"
VISITORS: Final = Path(__file__).with_name("visitors.py")
SHARE: Final = {Kind.DIRECT: 45, Kind.UNANSWERABLE: 15}
LONGEST_REQUEST: Final = 200_000
"""Bytes that the model reads."""
LONGEST_QUESTION: Final = 500
REMEMBERED: Final = 100
"""Requests to the model."""
Events = list[tuple[str, Any]]

# ---- the model -------------------------------------------------------------------------------


def piece(content: object) -> bytes:
    """Return one event of a streamed chat completion."""
    value = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": content}}]}
    return f"data: {json.dumps(value)}\n\n".encode()


def streamed(*contents: str, end: bytes = b"data: [DONE]\n\n") -> Answer:
    """Return a streamed chat completion."""
    chunks = (*(piece(content) for content in contents), end)
    return Answer(headers=(("Content-Type", "text/event-stream"),), chunks=chunks)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question about the library, and how the model misbehaves when it is asked."""

    question: str
    answer: str
    """Empty where no document tells it."""
    documents: frozenset[str]
    false: str = ""
    """What it makes up; no document has this word."""
    astray: bool = False
    """Whether it cites another passage than the right one."""

    def fits(self, events: Events | None) -> bool:
        """Whether a stream ends in the right answer, from the right documents, or rightly in none."""
        told = events[-1][1] if events and events[-1][0] == "done" else None
        answer, cited = (told.get("answer"), told.get("citations")) if isinstance(told, dict) else (0, None)
        if not isinstance(cited, list):
            return False
        if not self.answer:
            return answer is None and not cited
        named = self.named(events or [])
        return (
            answer == self.answer
            and bool(cited)
            and all(named.get(str(one)) in self.documents for one in cited)
        )

    @staticmethod
    def named(events: Events) -> dict[str, str]:
        """Return the document of each source that a stream names."""
        listed = (
            events[0][1] if events and events[0][0] == "sources" and isinstance(events[0][1], list) else []
        )
        return {str(one.get("id")): str(one.get("document")) for one in listed if isinstance(one, dict)}


@dataclass
class Visit:
    """What the grader knows of visitors that come at the same time; see visitors.py.

    The order of things is that in which they reach this side of the wall, where the submission cannot
    change what has been written down. Visitors live in its sandbox: what they saw is what it lets them say.
    """

    questions: tuple[str, ...]
    pieces: tuple[str, str]
    """The beginning of the model's reply, said at once, and the rest, said when visitors have seen enough."""
    count: int
    """How many different questions have to reach the model before it goes on."""
    key: str = field(default_factory=lambda: token_hex(16))
    """Who has it tells of this visit, and of no earlier one."""
    arrived: set[str] = field(default_factory=set)
    """Questions that had reached the model before it went on."""
    went_on: bool = False
    early: dict[str, Any] = field(default_factory=dict)
    """What visitors have seen before it went on."""
    told: list[Any] = field(default_factory=list)
    """What they say in the end: once, unless somebody else says it, too."""

    @property
    def here(self) -> bool:
        """Whether all questions were with the model at the same time."""
        return len(self.arrived & {*self.questions}) >= self.count

    @property
    def said(self) -> list[Any]:
        """What each visitor was answered."""
        told = self.told[0] if len(self.told) == 1 else None
        said = told.get("said") if isinstance(told, dict) else None
        return said if isinstance(said, list) else []

    @property
    def after(self) -> object:
        """What the one was answered who came when the others had gone."""
        return self.told[0].get("after") if self.said else None

    def hear(self, what: str, told: dict[str, Any], question: str) -> dict[str, Any]:
        """Write down what has happened, and return what is to be said to it."""
        match what:
            case "v1/chat/completions":
                if not self.went_on and len(question) <= LONGEST_QUESTION:
                    self.arrived.add(question)
                return {"first": self.pieces[0], "all": self.here}
            case "early" if not self.went_on and not self.early:
                self.early = told
            case "rest":
                self.went_on = True
                return {"rest": self.pieces[1]}
            case "said" if len(self.told) < 2:
                self.told.append(told)
        return {}


@dataclass
class ScriptedModel:
    """Answers chat completions by the rules of the README; remembers what it was asked."""

    key: str
    texts: dict[str, str] = field(default_factory=dict)
    """Documents by id."""
    cases: dict[str, Case] = field(default_factory=dict)
    script: list[Answer] = field(default_factory=list)
    visit: Visit | None = None
    asked: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    told: set[str] = field(default_factory=set)
    """Questions that it has answered rightly."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request."""
        if path.startswith("/visit/"):
            return self._visited(path, headers, body)
        if len(body) > LONGEST_REQUEST:
            return Answer.json({"error": {"message": "this is too long"}}, status=413)
        request = _object(body)
        bearer = headers.get("authorization", "")
        self.asked.append({**request, "method": method, "path": path, "bearer": bearer})
        if self.script:
            return self.script.pop(0)
        messages = request.get("messages")
        if (method, path, bearer) != ("POST", "/v1/chat/completions", f"Bearer {self.key}"):
            return Answer.json({"error": {"message": "wrong address or key"}}, status=401)
        if request.get("model") != MODEL or request.get("stream") is not True or not is_prompt(messages):
            return Answer.json({"error": {"message": "model, stream and messages are needed"}}, status=400)
        reply = self.reply(messages[-1]["content"])
        cut = len(reply) // 3
        return streamed(reply[:cut], reply[cut : 2 * cut], reply[2 * cut :])

    def _visited(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a visitor, or the model that waits for visitors."""
        key, _, what = path.removeprefix("/visit/").partition("/")
        if self.visit is None or key != self.visit.key:
            return Answer.json({}, status=404)
        request, question = _object(body), ""
        if what == "v1/chat/completions":
            messages = request.get("messages")
            known = headers.get("authorization") == f"Bearer {self.key}" and len(body) <= LONGEST_REQUEST
            question = asked_in(messages[-1]["content"]) if known and is_prompt(messages) else ""
        return Answer.json(self.visit.hear(what, request, question))

    def reply(self, content: str) -> str:
        """Return what the model says to a prompt."""
        case = self.cases.get(asked_in(content))
        if case is None:
            return "Hello!"
        shown = numbered(content)
        right = [n for n, text in shown if any(text and text in self.texts[d] for d in case.documents)]
        telling = [n for n, text in shown if n in right and case.answer in text]
        if not case.answer or not telling:
            return f"Answer: {case.false} [1]" if case.astray else "Unknown"
        self.told.add(case.question)
        number = next((n for n, _ in shown if n not in right), 99) if case.astray else telling[0]
        return f"Let me see.\nAnswer: {case.answer} [{number}]"


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_prompt(messages: Any) -> bool:
    """Whether something is the system's message and the user's."""
    return (
        isinstance(messages, list)
        and all(isinstance(one, dict) and isinstance(one.get("content"), str) for one in messages)
        and [one.get("role") for one in messages] == ["system", "user"]
    )


def asked_in(content: str) -> str:
    """Return the question of a prompt, or an empty text."""
    found = re.search(r"^Question: (.*\S)\s*\Z", content, re.MULTILINE)
    return found[1] if found else ""


def numbered(content: str) -> list[tuple[int, str]]:
    """Return the numbered passages of a prompt, their spaces made one."""
    parts = re.split(r"^\[(\d{1,6})\] |^Question: ", content, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=False)
    return [(int(number), " ".join(text.split())) for number, text in pairs if number]


# ---- the service -----------------------------------------------------------------------------


@dataclass
class Service:
    """The submission's service, the secrets that it was given, and the model that it asks."""

    submission: Any
    token: str
    model: ScriptedModel
    door: str
    """Where the model of this file is."""
    port: int
    """Where the model of the visitors is."""
    most: int
    """How many questions may be answered at the same time."""

    @property
    def http(self) -> Any:
        """What asks the service."""
        return self.submission.http

    @property
    def headers(self) -> dict[str, str]:
        """The headers of who may change documents."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def secrets(self) -> list[str]:
        """All that must never be shown."""
        return [self.token, self.model.key]

    def put(self, document: str, text: str) -> int:
        """Have a document kept, and return the number of its passages."""
        response = self.http.request(
            "PUT", f"/documents/{document}", headers=self.headers, json={"text": text}
        )
        told = self.data(self.expect(response, 200, "PUT /documents/{id}"), "PUT /documents/{id}")
        if told.get("id") != document or type(told.get("passages")) is not int or told["passages"] < 1:
            wrong("PUT /documents/{id}: expected {'id': …, 'passages': …}.")
        return int(told["passages"])

    def delete(self, document: str) -> Response:
        """Have a document forgotten."""
        response: Response = self.http.request("DELETE", f"/documents/{document}", headers=self.headers)
        return response

    def search(self, question: str, k: int | None = None) -> list[dict[str, Any]]:
        """Return what a search finds."""
        response = self.expect(
            self.http.get(f"/search?q={quote(question)}" + (f"&k={k}" if k else "")), 200, "GET /search"
        )
        hits = self.data(response, "GET /search").get("hits")
        if not isinstance(hits, list) or not all(_is_hit(one) for one in hits):
            wrong(
                "GET /search: expected {'hits': [{'id', 'document', 'text', 'score'}]}.", reason="wrong-type"
            )
        return hits

    def ask(self, question: str) -> Events:
        """Return the events of an answer, the last of them done or error."""
        response = self.expect(self.http.post("/ask", json={"question": question}), 200, "POST /ask")
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            wrong("POST /ask: the answer is no text/event-stream.")
        return self.read(response.text)

    @staticmethod
    def read(text: str) -> Events:
        """Return the events of a stream; they have to come in the order that the README says."""
        events = events_of(text)
        if events is None:
            wrong("POST /ask: expected events of two lines, 'event: name', 'data: JSON' and a blank line.")
        names = [name for name, _ in events]
        if names[:1] != ["sources"] or names[-1] not in ("done", "error") or {*names[1:-1]} - {"token"}:
            wrong("POST /ask: expected the events sources, token again and again, and then done or error.")
        return events

    @staticmethod
    def sources(events: Events) -> list[dict[str, Any]]:
        """Return the sources that a stream names, numbered from 1."""
        listed = events[0][1]
        if not isinstance(listed, list) or not all(
            isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("document"), str)
            for one in listed
        ):
            wrong("POST /ask: expected sources, a list of {'number', 'id', 'document'}.", reason="wrong-type")
        if [one.get("number") for one in listed] != list(range(1, len(listed) + 1)):
            wrong("POST /ask: the sources have to be numbered from 1, as in the prompt.")
        return listed

    def done(self, question: str) -> dict[str, Any]:
        """Return the last event of an answer that came to its end."""
        name, told = self.ask(question)[-1]
        if name != "done" or not isinstance(told, dict) or not isinstance(told.get("citations"), list):
            wrong("POST /ask: expected the last event done, with {'answer': …, 'citations': […]}.")
        return told

    def visit(
        self, mode: str, questions: Sequence[str], *, reply: str = "", count: int = 1, extra: str = ""
    ) -> Visit:
        """Let visitors come; return what is known of them."""
        half = len(reply) // 2 if mode == "stream" else 0
        visit = self.model.visit = Visit(tuple(questions), (reply[:half], reply[half:]), count)
        models = self.door if mode == "crowd" else f"http://127.0.0.1:{self.port}"
        self.submission.set_environment({"OPENAI_BASE_URL": f"{models}/v1"})
        given = {
            "mode": mode,
            "questions": list(questions),
            "count": count,
            "extra": extra,
            "reply": reply if mode == "leave" else "",
            "address": self.http.address,
            "port": self.port,
            "door": f"{self.door}/visit/{visit.key}",
        }
        self.submission.run(VISITORS.read_text(encoding="utf-8"), json.dumps(given))
        self.port, self.model.visit = self.port + 1, None
        self.submission.set_environment({"OPENAI_BASE_URL": f"{self.door}/v1"})
        if not visit.told:
            wrong("The visitors were not answered in time.")
        if len(visit.said) != (1 if mode in ("stream", "leave") else len(questions)):
            wrong("POST /ask: a visitor could not ask, or was not answered.")
        return visit

    @staticmethod
    def expect(response: Response, status: int, what: str) -> Response:
        """Require a status, and return the response."""
        if response.status != status:
            wrong(f"{what}: expected status {status}, got {response.status}.", reason="wrong-status")
        return response

    @staticmethod
    def data(response: Response, what: str) -> dict[str, Any]:
        """Return the JSON object of a response."""
        value = response.json()
        if not isinstance(value, dict):
            wrong(f"{what}: expected a JSON object.", reason="wrong-type")
        return value


def events_of(text: object) -> Events | None:
    """Return the events of a stream, or None if it is none."""
    if not isinstance(text, str):
        return None
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        if not block.strip() or block.startswith(":"):
            continue
        found = re.fullmatch(r"event: ?(\w+)\ndata: ?(.*)", block.strip("\n"))
        if not found:
            return None
        try:
            events.append((found[1], json.loads(found[2])))
        except (ValueError, RecursionError):
            return None
    return events or None


def _is_hit(value: object) -> bool:
    texts = ("id", "document", "text")
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), str) for name in texts)
        and type(value.get("score")) in (int, float)
    )


# ---- fixtures --------------------------------------------------------------------------------


def _word(rng: Rng, length: int) -> str:
    return "".join(chr(97 + int(i)) for i in rng.integers(26, size=length))


@pytest.fixture(scope="session")
def service(submission: Any, run_rng: Rng) -> Service:
    """The service, started with secrets that nobody has seen before."""
    token, model = _word(run_rng, 24), ScriptedModel(f"sk-{_word(run_rng, 24)}")
    most = int(run_rng.choice([7, 9, 10]))
    submission.set_environment(
        {"LIBRARY_TOKEN": token, "OPENAI_API_KEY": model.key, "OPENAI_MODEL": MODEL, "MOST_ASKS": str(most)}
    )
    door = submission.open_door(model.answer)
    submission.set_environment({"OPENAI_BASE_URL": f"{door}/v1"})
    return Service(submission, token, model, door, int(run_rng.integers(20_000, 30_000)), most)


@pytest.fixture
def word(rng: Rng) -> Callable[[], str]:
    """Makes words that nobody has seen before."""
    return lambda: _word(rng, 9)


@dataclass(frozen=True)
class Shelf:
    """Documents in the service, and questions about them."""

    texts: Mapping[str, str]
    cases: tuple[Case, ...]


@pytest.fixture(scope="session")
def shelf(service: Service, run_rng: Rng) -> Shelf:
    """Documents with planted facts, put into the service, and questions about them for its model."""
    corpus = make_corpus(seed=run_rng.seed(), people=24, companies=12)
    names = {document.id: f"d-{_word(run_rng, 6)}" for document in corpus.documents}
    texts = {names[document.id]: document.text for document in corpus.documents}
    for name, text in texts.items():
        service.put(name, text)
    chosen = []
    for kind, count in SHARE.items():
        several = [question for question in corpus.questions if question.kind is kind]
        chosen += [_case(several[int(i)], names, run_rng) for i in run_rng.permutation(len(several))[:count]]
    service.model.texts.update(texts)
    service.model.cases.update({case.question: case for case in chosen})
    return Shelf(texts, tuple(chosen[int(i)] for i in run_rng.permutation(len(chosen))))


def _case(question: Question, names: Mapping[str, str], rng: Rng) -> Case:
    return Case(
        question=question.text,
        answer=question.answer,
        documents=frozenset(names[one] for one in question.relevant),
        false=_word(rng, 9).capitalize(),
        astray=bool(rng.random() < 0.4),
    )


@pytest.fixture(scope="session")
def stream() -> Callable[..., Answer]:
    """Makes a streamed reply of the model's."""
    return streamed


@pytest.fixture(scope="session")
def events() -> Callable[[object], Events | None]:
    """Reads the events of a stream."""
    return events_of


@pytest.fixture(scope="session")
def prompted() -> Callable[[Any], list[tuple[int, str]]]:
    """Requires a prompt, and returns its numbered passages."""

    def looked(messages: Any) -> list[tuple[int, str]]:
        if not is_prompt(messages):
            wrong("The model was not given the system's message and the user's.")
        return numbered(messages[-1]["content"])

    return looked
