"""What only the grader has."""

import json
import time

from harness.grading import check, wrong
from harness.web import Answer

# ---- who may come in -------------------------------------------------------------------------


@check(
    points=2,
    needs="makes_a_note",
    hint="the token is for the owner, the keys are for the others; both must be whole",
)
def test_knows_token_and_keys(service, key, note):
    """The bearer token and every API key let in; parts, prefixes and mixtures of them do not"""
    service.expect(
        service.http.get("/notes", headers={"Authorization": f"Bearer {service.token}"}), 200, "the token"
    )
    service.expect(service.http.get("/notes", headers={"X-API-Key": key}), 200, "a key")
    for headers in (
        {"Authorization": f"Bearer {service.token[:-1]}"},
        {"Authorization": f"Bearer {service.token}x"},
        {"Authorization": service.token},
        {"Authorization": f"Basic {service.token}"},
        {"Authorization": f"Bearer {key}"},
        {"X-API-Key": service.token},
        {"X-API-Key": key[:5]},
        {"X-API-Key": f"{key},{service.keys[0]}"},
        {"X-API-Key": ","},
    ):
        service.expect(
            service.http.get("/notes", headers=headers), 401, "credentials that are not quite right"
        )


# ---- notes -----------------------------------------------------------------------------------


@check(points=2, needs="makes_a_note", hint="slice after sorting by id; next_offset is null on the last page")
def test_gives_pages(service, key, note):
    """GET /notes gives pages: limit, offset, total and where the next page begins"""
    tag = note["tags"][0]
    numbers = [service.create({**note, "title": f"n{i}"}, key) for i in range(7)]
    seen, offset = [], 0
    for _ in range(3):
        path = f"/notes?tag={tag}&limit=3&offset={offset}"
        page = service.data(
            service.expect(service.request("GET", path, key=key), 200, "GET /notes"), dict, "GET /notes"
        )
        items = page.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            wrong("GET /notes: 'items' is no list of notes.")
        if page.get("total") != 7:
            wrong("GET /notes: 'total' is not the number of notes with the tag.")
        seen += [item.get("id") for item in items]
        offset = page.get("next_offset", 0)
        if offset not in (3, 6):
            break
    if seen != numbers or offset is not None:
        wrong("GET /notes: the pages together are not all notes, oldest first, each once.")
    response = service.request("GET", f"/notes?tag={tag}&limit=7", key=key)
    whole = service.data(service.expect(response, 200, "GET /notes"), dict, "GET /notes")
    if whole.get("next_offset", 0) is not None:
        wrong("GET /notes: 'next_offset' is not null on a page that ends with the last note.")


@check(points=1, needs=test_gives_pages, hint="Query(10, ge=1, le=50)")
def test_refuses_bad_pages(service, key):
    """A limit outside 1 to 50 and a negative offset are refused with 422; ten notes are a page by default"""
    for query in ("limit=0", "limit=51", "limit=x", "offset=-1"):
        service.expect(service.request("GET", f"/notes?{query}", key=key), 422, f"GET /notes?{query}")
    for i in range(11):
        service.create({"title": f"t{i}", "text": "x"}, key)
    page = service.data(
        service.expect(service.request("GET", "/notes", key=key), 200, "GET /notes"), dict, "GET /notes"
    )
    if not isinstance(page.get("items"), list) or len(page["items"]) != 10:
        wrong("GET /notes: a page without a limit holds ten notes.")


@check(points=1, needs="reads_a_note", hint="204 and no body; the second time there is nothing to delete")
def test_deletes_once(service, key, note):
    """DELETE forgets a note; its number is gone, and is not given to the next one"""
    first = service.create(note, key)
    number = service.create(note, key)
    response = service.expect(service.request("DELETE", f"/notes/{number}", key=key), 204, "DELETE")
    if response.body:
        wrong("DELETE: a 204 has no body.")
    service.expect(service.request("DELETE", f"/notes/{number}", key=key), 404, "the second DELETE")
    service.expect(service.request("GET", f"/notes/{number}", key=key), 404, "GET after DELETE")
    service.expect(service.request("GET", f"/notes/{first}", key=key), 200, "GET of another note")
    if service.create(note, key) == number:
        wrong("The number of a deleted note was given to another one.")


# ---- limits ----------------------------------------------------------------------------------


@check(
    points=3,
    needs="asks_for_credentials",
    hint="count per client within the last minute; say in Retry-After when to come again",
)
def test_limits_each_client(service, key):
    """Who asks too often gets 429 with Retry-After; another client is not held up by it"""
    other = service.keys.pop()
    path = "/notes?limit=1"
    for _ in range(40):
        service.expect(service.request("GET", path, key=key), 200, "a request within the limit")
    response = service.expect(service.request("GET", path, key=key), 429, "a request over the limit")
    wait = response.headers.get("retry-after", "")
    if not wait.isdigit() or not 1 <= int(wait) <= 61:
        wrong("429: Retry-After must be the seconds to wait, 1 to 60.")
    service.expect(service.request("GET", path, key=other), 200, "another client")
    service.expect(service.http.get("/health"), 200, "GET /health")


@check(points=1, needs=test_limits_each_client, hint="authenticate first, then count")
def test_strangers_use_up_nobody_s_limit(service, key):
    """Requests with wrong credentials stay 401 and do not count against anybody"""
    for _ in range(45):
        service.expect(
            service.http.get("/notes", headers={"X-API-Key": key + "x"}), 401, "wrong credentials, again"
        )
    service.expect(
        service.request("GET", "/notes?limit=1", key=key), 200, "the client whose key was guessed at"
    )


# ---- the upstream ----------------------------------------------------------------------------


@check(
    points=2,
    needs="reads_a_note",
    hint="POST {'text': …} to UPSTREAM_URL/summarise with the upstream's token",
)
def test_asks_the_upstream(service, key, note):
    """POST /notes/{id}/summary has the upstream summarise the note's text"""
    number = service.create(note, key)
    service.upstream.asked.clear()
    service.upstream.script[:] = [f"about {note['title']}"]
    response = service.expect(
        service.request("POST", f"/notes/{number}/summary", key=key), 200, "POST summary"
    )
    if service.data(response, dict, "POST summary") != {"summary": f"about {note['title']}"}:
        wrong("POST summary: the answer is not {'summary': …} with what the upstream said.")
    if service.upstream.told() != [note["text"]]:
        wrong("The upstream was not asked once, with the note's text.")
    method, path, headers, _ = service.upstream.asked[0]
    if (method, path) != ("POST", "/summarise"):
        wrong("The upstream expects POST /summarise.")
    if headers.get("authorization") != f"Bearer {service.upstream_token}":
        wrong("The upstream was not given its bearer token.")
    service.expect(service.request("POST", "/notes/999999/summary", key=key), 404, "the summary of no note")


@check(
    points=2, needs=test_asks_the_upstream, hint="three attempts in all, for 5xx and broken connections only"
)
def test_tries_again_where_it_may_help(service, key, note):
    """A failing upstream is asked up to three times; a refusal (4xx) is not repeated"""
    number = service.create(note, key)
    path = f"/notes/{number}/summary"
    for script, status, asked in (
        ([Answer.json({}, status=503), Answer(status=0), "late"], 200, 3),
        ([Answer.json({}, status=500)] * 4, 502, 3),
        ([Answer.json({"detail": "no"}, status=400), "never"], 502, 1),
        ([Answer(chunks=(b"not JSON",)), "never"], 502, 1),
    ):
        service.upstream.asked.clear()
        service.upstream.script[:] = list(script)
        service.expect(service.request("POST", path, key=key), status, "POST summary with a failing upstream")
        if len(service.upstream.asked) != asked:
            wrong(f"The upstream was asked {len(service.upstream.asked)} times, expected {asked}.")


@check(points=2, needs=test_asks_the_upstream, hint="a time-out of a second for each attempt, then 504")
def test_does_not_wait_for_ever(service, key, note):
    """An upstream that does not answer within a second is given up, with 504 after three attempts"""
    number = service.create(note, key)
    service.upstream.script[:] = [Answer(delay=2.0, chunks=(b"{}",)) for _ in range(3)]
    began = time.monotonic()
    service.expect(
        service.request("POST", f"/notes/{number}/summary", key=key), 504, "POST summary with a slow upstream"
    )
    if time.monotonic() - began < 2.0:
        wrong("It gave up before three attempts of a second each.")


# ---- secrets ---------------------------------------------------------------------------------


@check(
    points=2,
    needs=test_tries_again_where_it_may_help,
    hint="never put a token, a key or an exception's text into an answer or a log",
)
def test_keeps_secrets(service, key, note, printed):
    """No token or key is ever in an answer, a header or the log, whatever goes wrong"""
    number = service.create({**note, "text": "x"}, key)
    said = []
    for script in (
        [Answer(status=0)] * 3,
        [Answer.json({"authorization": "?"}, status=403)],
        [Answer.json([1, 2])],
    ):
        service.upstream.script[:] = list(script)
        said.append(service.request("POST", f"/notes/{number}/summary", key=key))
    said.append(service.http.get(f"/notes?key={key}", headers={"Authorization": f"Bearer {service.token}x"}))
    said.append(service.request("GET", "/openapi.json", key=key))
    told = " ".join(f"{dict(response.headers)} {response.text}" for response in said)
    text = (told + printed()).replace(f"?key={key}", "")
    if any(secret in text for secret in [*service.secrets, key]):
        wrong("A secret was shown in an answer or printed.", reason="secret-shown")
    if any(json.dumps(response.json()).count("Traceback") for response in said):
        wrong("An answer shows a traceback.")
