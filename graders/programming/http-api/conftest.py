"""A running service with its secrets, its clients, and an upstream that this file plays."""

import json
from dataclasses import dataclass, field

import pytest

from harness.grading import wrong
from harness.web import Answer


@dataclass
class Upstream:
    """The service that summarises: says what `script` holds, and remembers what it was asked."""

    script: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    def answer(self, method, path, headers, body):
        """Answer one request of the submission's."""
        self.asked.append((method, path, headers, body))
        say = self.script.pop(0) if self.script else "summary"
        if isinstance(say, Answer):
            return say
        return Answer.json({"summary": say})

    def told(self):
        """Return the texts it was asked to summarise."""
        return [_json(body).get("text") for _, _, _, body in self.asked]


def _json(body):
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass
class Service:
    """The submission's service, and the secrets that it was given."""

    http: object
    token: str
    keys: list
    upstream_token: str
    upstream: Upstream

    def headers(self, key=None):
        """Return the headers of the owner, or of a client with a key."""
        return {"X-API-Key": key} if key else {"Authorization": f"Bearer {self.token}"}

    def request(self, method, path, *, key=None, **options):
        """Ask as the owner, or as a client."""
        return self.http.request(method, path, headers=self.headers(key), **options)

    def create(self, note, key=None):
        """Make a note and return its number."""
        response = self.request("POST", "/notes", json=note, key=key)
        self.expect(response, 201, "POST /notes")
        number = _json(response.body).get("id")
        if type(number) is not int:
            wrong("POST /notes: the answer has no whole number 'id'.")
        return number

    @staticmethod
    def expect(response, status, what):
        """Require a status, and return the response."""
        if response.status != status:
            wrong(f"{what}: expected status {status}, got {response.status}.", reason="wrong-status")
        return response

    @staticmethod
    def data(response, kind, what):
        """Return the JSON of a response, which must be of a kind."""
        value = response.json()
        if type(value) is not kind:
            wrong(f"{what}: expected a JSON {kind.__name__}.", reason="wrong-type")
        return value

    @property
    def secrets(self):
        """All that must never be shown."""
        return [self.token, *self.keys, self.upstream_token]


@pytest.fixture(scope="session")
def service(submission, run_rng):
    """The service, started with secrets that nobody has seen before."""
    word = lambda: "".join(chr(97 + int(i)) for i in run_rng.integers(26, size=24))  # noqa: E731
    upstream = Upstream()
    made = Service(submission.http, word(), [word() for _ in range(24)], word(), upstream)
    submission.set_environment(
        {
            "SERVICE_TOKEN": made.token,
            "SERVICE_API_KEYS": ",".join(made.keys),
            "RATE_LIMIT": "40",
            "UPSTREAM_TOKEN": made.upstream_token,
        }
    )
    submission.set_environment({"UPSTREAM_URL": submission.open_door(upstream.answer)})
    return made


@pytest.fixture
def key(service):
    """A client that no other check has used, so that rate limits do not meet."""
    return service.keys.pop()


@pytest.fixture
def note(rng):
    """A note that nobody has seen before."""
    word = lambda: "".join(chr(97 + int(i)) for i in rng.integers(26, size=8))  # noqa: E731
    return {"title": word(), "text": f"{word()} {word()}", "tags": [word()]}
