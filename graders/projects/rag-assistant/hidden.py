"""What only the grader has."""

import json
import time
from dataclasses import replace

from harness.grading import check, metric, wrong
from harness.metrics.intervals import measurement, wilson_interval
from harness.web import Answer

THINKING_SECONDS = 0.4
LOGGED = ("id", "method", "path", "status", "ms")
LONGEST_MS = 1e9

# ---- documents -------------------------------------------------------------------------------


@check(
    points=2,
    needs="keeps_documents",
    hint="401 and WWW-Authenticate: Bearer without the whole token, and nothing is changed",
)
def test_asks_for_the_token(service, word):
    """Only who has the token may change documents; anybody may search"""
    mark, name = word(), f"f-{word()}"
    service.put(name, f"The bridge of {mark} is old.")
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {service.token}x"},
        {"Authorization": f"Bearer {service.token[:-1]}"},
        {"Authorization": f"Basic {service.token}"},
        {"Authorization": service.token},
    ):
        for method, given in (("PUT", {"text": "The bridge is new."}), ("DELETE", None)):
            response = service.http.request(method, f"/documents/{name}", headers=headers, json=given)
            service.expect(response, 401, f"{method} /documents/{{id}} without the token")
            if not response.headers.get("www-authenticate", "").startswith("Bearer"):
                wrong("A 401 needs the header WWW-Authenticate: Bearer.")
    hits = service.search(f"bridge of {mark}")
    if not hits or hits[0]["document"] != name or "old" not in hits[0]["text"]:
        wrong("A document was changed without the token.")


@check(points=2, needs="finds", hint="the passages of the old text go; DELETE answers 204, then 404")
def test_replaces_and_forgets(service, word):
    """A document that comes again replaces the first; one that was deleted is found no more"""
    old, new, name = word(), word(), f"g-{word()}"
    service.put(name, f"{old} {word()}.\n\n" + " ".join(word() for _ in range(90)))
    before = service.data(service.http.get("/health"), "GET /health").get("documents")
    service.put(name, f"{new} {word()}.")
    if service.data(service.http.get("/health"), "GET /health").get("documents") != before:
        wrong("PUT of a known id: the number of documents changed.")
    if any(hit["document"] == name for hit in service.search(old)):
        wrong("PUT of a known id: the old text is still found.")
    if not any(hit["document"] == name for hit in service.search(new)):
        wrong("PUT of a known id: the new text is not found.")
    service.expect(service.delete(name), 204, "DELETE")
    if any(hit["document"] == name for hit in service.search(new)):
        wrong("DELETE: the text is still found.")
    service.expect(service.delete(name), 404, "the second DELETE")


@check(
    points=2,
    needs="keeps_documents",
    hint="let pydantic check bodies, and Query(ge=…, le=…) what stands in the address",
)
def test_refuses_nonsense(service, word):
    """What breaks the rules is refused with 422: bodies, ids, questions and numbers"""
    name = f"h-{word()}"
    for given in ({}, {"text": ""}, {"text": " \n "}, {"text": 7}, {"text": "x" * 100_001}, ["text"]):
        response = service.http.request("PUT", f"/documents/{name}", headers=service.headers, json=given)
        service.expect(response, 422, "PUT of a document that breaks the rules")
    for odd in ("a%20b", "x" * 65, "a%3Cb%3E"):
        response = service.http.request(
            "PUT", f"/documents/{odd}", headers=service.headers, json={"text": "x"}
        )
        service.expect(response, 422, "PUT under an id that breaks the rules")
    service.expect(service.delete(name), 404, "DELETE of what was refused")
    for given in ({}, {"question": ""}, {"question": "  "}, {"question": "x" * 501}, {"question": None}):
        service.expect(
            service.http.post("/ask", json=given), 422, "POST /ask with a question that breaks the rules"
        )
    service.expect(service.http.post("/ask", body=b"{"), 422, "POST /ask with broken JSON")
    for query in ("", "?q=", f"?q={'x' * 501}", "?q=x&k=0", "?q=x&k=21", "?q=x&k=many"):
        service.expect(service.http.get(f"/search{query}"), 422, f"GET /search{query[:12]}")
    for query in ("?q=x&k=20", "?q=x&k=1", f"?q={'x' * 500}"):
        service.expect(service.http.get(f"/search{query}"), 200, f"GET /search{query[:12]}")


# ---- the model -------------------------------------------------------------------------------


@check(
    points=2,
    needs="answers",
    hint="POST {base}/chat/completions with the key, model, stream and numbered passages",
)
def test_asks_the_model(service, stream, prompted, word):
    """The model is asked once, as a stream, with the key, the passages and the question"""
    mark, name = word(), f"i-{word()}"
    text = f"The mayor of {mark} is {word()}."
    service.put(name, text)
    service.model.asked.clear()
    service.model.script[:] = [stream("Unknown")]
    sources = service.sources(service.ask(f"Who is  mayor\nof {mark}?"))
    service.model.script.clear()
    asked = service.model.asked[0] if service.model.asked else {}
    if (asked.get("method"), asked.get("path")) != ("POST", "/v1/chat/completions") or len(
        service.model.asked
    ) != 1:
        wrong("The model was not asked once, by POST to /chat/completions below its address.")
    if asked["bearer"] != f"Bearer {service.model.key}" or asked.get("model") != "scripted-1":
        wrong("The model was not given its key as a bearer token, or not its name.")
    if asked.get("stream") is not True:
        wrong("The model was not asked to stream.")
    shown = prompted(asked.get("messages"))
    if [number for number, _ in shown] != [one["number"] for one in sources] or (1, text) not in shown:
        wrong("The prompt does not have a line '[n] text' for each source.")
    if not asked["messages"][-1]["content"].rstrip().endswith(f"\nQuestion: Who is mayor of {mark}?"):
        wrong("The prompt does not end with the line 'Question: …', the question on one line.")


@check(
    points=3,
    needs="answers",
    hint="yield each piece as it comes: httpx.AsyncClient().stream(…), StreamingResponse",
)
def test_streams(service, word):
    """A token is sent on before the model has said the next one"""
    mark, said = word(), word()
    service.put(f"j-{word()}", f"The river of {mark} is {said}.")
    reply = f"{word()}, {word()}.\nAnswer: {said} [1]"
    seen = service.visit("stream", [f"Which river has {mark}?"], reply=reply)
    if seen.early.get("heard") != seen.pieces[0]:
        wrong("POST /ask: no token was sent before the model had said everything.")
    name, told = _last(service, seen.said[0])
    if name != "done" or not isinstance(told, dict) or told.get("answer") != said:
        wrong("POST /ask: the stream did not end in the answer.")


def _last(service, said):
    """Return the last event of an answer that a visitor got."""
    return _events(service, said)[-1]


def _events(service, said):
    """Return the events of an answer that a visitor got."""
    if not isinstance(said, dict) or said.get("status") != 200:
        wrong("POST /ask: a visitor was not answered with status 200.", reason="wrong-status")
    return service.read(said.get("text"))


@check(
    points=2,
    needs="answers",
    hint="events end with a blank line, wherever a chunk ends; some have no content, or are comments",
)
def test_reads_odd_streams(service, events, word):
    """The model's stream is read whatever its chunks, comments and empty events"""
    mark, said = word(), "Zoë Åström"
    service.put(f"k-{word()}", f"The guest of {mark} is {said}.")
    value = lambda **delta: json.dumps({"choices": [{"index": 0, "delta": delta}]}, ensure_ascii=False)  # noqa: E731
    lines = [
        ": keep-alive",
        f"data: {value(role='assistant')}",
        f"data: {value(content='')}",
        f"data:{value(content='Answer: Zoë ')}",
        f"event: x\ndata: {value(content='Åström')}\nid: 7",
        f"data: {value(content=None)}",
        f"data: {value(content=' [1]')}",
        'data: {"choices": [], "usage": {"total_tokens": 7}}',
        "data: [DONE]",
    ]
    for gap in ("\n", "\r\n"):
        body = "".join(line.replace("\n", gap) + gap * 2 for line in lines).encode()
        for size in (1, 7, 10_000):
            chunks = tuple(body[at : at + size] for at in range(0, len(body), size))
            service.model.script[:] = [
                Answer(headers=(("Content-Type", "text/event-stream"),), chunks=chunks)
            ]
            told = service.done(f"Who is guest of {mark}?")
            service.model.script.clear()
            if told.get("answer") != said or len(told["citations"]) != 1:
                wrong("POST /ask: a stream of the model's in an unusual form was not read rightly.")


@check(
    points=3,
    needs="answers",
    hint="an error is an event, the last one; a stream without [DONE] has broken off",
)
def test_survives_the_model(service, stream, printed, word):
    """A model that refuses, breaks off or talks nonsense ends in the event error; the next one is answered"""
    mark, said = word(), word()
    service.put(f"l-{word()}", f"The cook of {mark} is {said}.")
    question = f"Who cooks for {mark}?"
    kind = (("Content-Type", "text/event-stream"),)
    shown = ""
    for trouble in (
        Answer.json({"error": {"message": "down"}}, status=500),
        Answer.json({"error": {"message": f"key {service.model.key}"}}, status=401),
        Answer(status=0),
        stream("Answer: ", end=b""),
        Answer(headers=kind, chunks=(b"data: nonsense\n\n", b"data: [DONE]\n\n")),
        Answer(headers=kind, chunks=(b"data: [1]\n\ndata: [DONE]\n\n",)),
    ):
        service.model.script[:] = [trouble]
        events = service.ask(question)
        service.model.script.clear()
        name, told = events[-1]
        if name != "error" or not isinstance(told, dict) or not isinstance(told.get("message"), str):
            wrong("POST /ask: expected the event error, with a message, where the model fails.")
        shown += json.dumps(events)
    service.model.script[:] = [stream(f"Answer: {said} [1]")]
    if service.done(question).get("answer") != said:
        wrong("POST /ask: after a failure the next question was not answered.")
    if any(secret in shown + printed() for secret in service.secrets) or "Traceback" in shown:
        wrong("A secret or a traceback was shown.", reason="secret-shown")


@check(
    points=3,
    needs="answers",
    hint="the exercise `rag`: keep cited passages that have the answer's words, or find one that has",
)
def test_checks_citations(service, stream, word):
    """An answer is given with passages that have its words, and otherwise not at all"""
    mark, said = word(), f"{word()} {word()}"
    names = [f"m-{word()}" for _ in range(3)]
    service.put(names[0], f"The judge of {mark} is {said}.")
    service.put(names[1], f"The house of {mark} is {word()}.")
    service.put(names[2], f"In the town of {mark} they call {said} a friend.")
    question = f"Who is the judge of {mark}?"
    service.model.script[:] = [stream("Unknown")]
    sources = {one["document"]: one for one in service.sources(service.ask(question))}
    if not {*names} <= sources.keys():
        wrong("POST /ask: passages that share a rare word with the question are not among the sources.")
    right, other, second = (sources[name]["number"] for name in names)
    ids = [sources[name]["id"] for name in names]
    for reply, answer, allowed in (
        (f"Answer: {said} [{right}]", said, ([ids[0]],)),
        (f"**Answer:** {said.upper()}. [{right}, {other}]", said.upper(), ([ids[0]],)),
        (f"Well.\nAnswer: {said} [{right}][{second}][77]", said, ([ids[0], ids[2]],)),
        (f"Answer: {said} [{other}]", said, ([ids[0]], [ids[2]])),
        (f"Answer: {said}", said, ([ids[0]], [ids[2]])),
        (f"Answer: {word()} [{right}]", None, ([],)),
        (f"Answer: {said[:-1]} [{right}]", None, ([],)),
        ("Unknown", None, ([],)),
        (f"I think it is {said} [{right}].", None, ([],)),
        ("", None, ([],)),
    ):
        service.model.script[:] = [stream(reply[:9], reply[9:])]
        told = service.done(question)
        service.model.script.clear()
        if told.get("answer") != answer or told["citations"] not in [list(one) for one in allowed]:
            wrong("POST /ask: done does not have the answer with the passages that support it.")
    service.model.asked.clear()
    if service.done(word()) != {"answer": None, "citations": []} or service.model.asked:
        wrong("POST /ask: where nothing is found there is no answer, and nothing to ask the model.")


# ---- many at once ----------------------------------------------------------------------------


@check(
    points=3,
    needs="answers",
    hint="nothing in an async function may wait but by await; and no question may know of another",
)
def test_answers_many_at_once(service, word):
    """Six questions are with the model at the same time, and the service still says that it is well"""
    marks, said = [word() for _ in range(6)], word()
    names = [f"n-{word()}" for _ in marks]
    for mark, name in zip(marks, names, strict=True):
        service.put(name, f"The singer of {mark} is {said}.")
    questions = [f"Who sings in {mark}?" for mark in marks]
    seen = service.visit("hold", questions, reply=f"Answer: {said} [1]", count=6)
    if not seen.here:
        wrong("POST /ask: questions wait for each other.")
    health = seen.early.get("health")
    if not isinstance(health, dict) or health.get("status") != 200:
        wrong("GET /health: no answer while questions are being answered.")
    for one, name in zip(seen.said, names, strict=True):
        events = _events(service, one)
        (event, told), first = events[-1], service.sources(events)[:1]
        if event != "done" or told != {"answer": said, "citations": [source["id"] for source in first]}:
            wrong("POST /ask: a visitor got another one's answer, or none.")
        if [source["document"] for source in first] != [name]:
            wrong("POST /ask: a visitor got another one's sources.")


@check(
    points=3,
    needs="answers",
    hint="count the questions that are being answered, and look before the stream begins",
)
def test_sheds_load(service, word):
    """One question more than MOST_ASKS at a time is refused with 503 and Retry-After; later there is room"""
    mark, said = word(), word()
    service.put(f"o-{word()}", f"The painter of {mark} is {said}.")
    questions = [f"Who paints {mark} for {word()}?" for _ in range(service.most)]
    one_more = f"Who paints {mark} for nobody?"
    reply = f"Answer: {said} [1]"
    seen = service.visit("hold", questions, reply=reply, count=service.most, extra=one_more)
    extra, after = seen.early.get("extra"), seen.after
    if not seen.here or not isinstance(extra, dict) or not isinstance(after, dict):
        wrong("POST /ask: as many questions at a time as MOST_ASKS says have to be answered.")
    refused = extra.get("status") == 503 and str(extra.get("retry", "")).isdigit()
    if not refused or one_more in seen.arrived:
        wrong("POST /ask: one question more was not refused with 503 and Retry-After in seconds.")
    if after.get("status") != 200 or any(_last(service, one)[0] != "done" for one in seen.said):
        wrong("POST /ask: questions were not answered, or there was no room when they were.")


@check(
    points=3,
    needs=test_sheds_load,
    hint="give the place back when the response has ended: a generator that nobody reads on may stay open",
)
def test_gives_places_back(service, word):
    """A place is free again when the model has failed, and when the visitor has gone away"""
    mark, said = word(), word()
    service.put(f"q-{word()}", f"The sculptor of {mark} is {said}.")
    questions = [f"Who carves in {mark} for {word()}?" for _ in range(service.most)]
    for question in [*questions, questions[0]]:
        service.model.script[:] = [Answer(status=0)]
        if service.ask(question)[-1][0] != "error":
            wrong("POST /ask: expected the event error from a model that hangs up.")
    service.model.script.clear()
    seen = service.visit("leave", questions, reply=f"Answer: {said} [1]", count=service.most)
    if seen.early.get("here") is not True:
        wrong("POST /ask: as many questions at a time as MOST_ASKS says have to be answered.")
    events = _events(service, seen.said[0])
    told, first = events[-1], service.sources(events)[:1]
    if told != ("done", {"answer": said, "citations": [source["id"] for source in first]}):
        wrong("POST /ask: there was no room when the visitors had gone away.")


@check(
    points=2,
    needs="keeps_documents",
    hint="one line of JSON for each request, printed when it is over; the path without its query",
)
def test_writes_a_log(service, stream, printed, word):
    """Every request is a line of JSON, with the id that its answer has, and without secrets or questions"""
    mark = word()
    ids = [f"{word()}-{number}" for number in range(4)]
    service.put(f"p-{word()}", f"The smith of {mark}.")
    service.model.script[:] = [replace(stream("Unknown"), delay=THINKING_SECONDS)]
    asked, began = f"{mark} {word()}", time.monotonic()
    answers = [
        service.http.get("/health", headers={"X-Request-ID": ids[0]}),
        service.http.get(f"/search?q={mark}", headers={"X-Request-ID": ids[1]}),
        service.http.post("/ask", headers={"X-Request-ID": ids[2]}, json={"question": asked}),
        service.http.request(
            "DELETE", "/documents/none", headers={**service.headers, "X-Request-ID": ids[3]}
        ),
        service.http.get("/health", headers={"X-Request-ID": 'a" b'}),
        service.http.get("/health"),
    ]
    seconds = time.monotonic() - began
    service.model.script.clear()
    names = [answer.headers.get("x-request-id", "") for answer in answers]
    if names[:4] != ids or not all(names) or len(set(names)) != 6 or names[4] == 'a" b':
        wrong("X-Request-ID: expected the id that was given, or a new one where none or an odd one was.")
    for _ in range(60):  # a line may come a moment after the answer that it is about
        log = printed()
        lines = [line for line in map(_object, log.splitlines()) if line.get("id") in names]
        if len(lines) >= len(names):
            break
        time.sleep(0.05)
    wanted = [
        ("GET", "/health", 200),
        ("GET", "/search", 200),
        ("POST", "/ask", 200),
        ("DELETE", "/documents/none", 404),
    ]
    wanted += [("GET", "/health", 200)] * 2
    expected = [(name, *one) for name, one in zip(names, wanted, strict=True)]
    written = [(line["id"], *(line.get(key) for key in ("method", "path", "status"))) for line in lines]
    if sorted(map(repr, written)) != sorted(map(repr, expected)):
        wrong("The log does not have one line of JSON for each request, with id, method, path and status.")
    if not all(type(line.get("ms")) in (int, float) and 0 <= line["ms"] < LONGEST_MS for line in lines):
        wrong("The log does not say how many milliseconds a request took.")
    took = {line["id"]: line["ms"] / 1000 for line in lines}
    if took[ids[2]] < 0.9 * THINKING_SECONDS or sum(took.values()) > seconds + 1:
        wrong("The log says of a request that it took less or more time than it can have taken.")
    own = "\n".join(line for line in log.splitlines() if line.lstrip().startswith("{"))
    if any(secret in log for secret in service.secrets) or mark in own:
        wrong("A secret or a question is in the log.", reason="secret-shown")


def _object(line):
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    plain = isinstance(value, dict) and all(
        isinstance(value.get(key, ""), (str, int, float)) for key in LOGGED
    )
    return value if plain else {}


# ---- how well --------------------------------------------------------------------------------


@metric(
    points=6,
    better="higher",
    unit="share of questions answered faithfully",
    needs="answers",
    hint="show the model enough passages, believe no answer without support, and mind who asked what",
)
def test_serves(service, shelf, events):
    """Asked by six visitors at a time, it is right, cites what tells so, and admits what it does not know"""
    seen = service.visit("crowd", [case.question for case in shelf.cases], count=6)
    solved = 0
    for case, one in zip(shelf.cases, seen.said, strict=True):
        good = isinstance(one, dict) and one.get("status") == 200
        solved += good and case.fits(events(one.get("text")))
    return measurement(solved / len(shelf.cases), wilson_interval(solved, len(shelf.cases)), len(shelf.cases))
