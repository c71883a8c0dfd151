"""What learners may read and run."""

import re

from harness.grading import check, wrong

LONGEST_PAGE = 200_000
"""Characters of the page; what is searched in it takes time."""

# ---- documents -------------------------------------------------------------------------------


@check(
    points=2,
    hint="GET /health: status, and the numbers of documents and passages; PUT /documents/{id} keeps a text",
)
def test_keeps_documents(service, word):
    """GET /health counts the documents that PUT /documents/{id} has brought, and their passages"""

    def counted():
        told = service.data(service.expect(service.http.get("/health"), 200, "GET /health"), "GET /health")
        if told.get("status") != "ok" or any(
            type(told.get(one)) is not int for one in ("documents", "passages")
        ):
            wrong("GET /health: expected {'status': 'ok', 'documents': …, 'passages': …}.")
        return told["documents"], told["passages"]

    before = counted()
    long = "\n\n".join(" ".join(word() for _ in range(50)) for _ in range(6))
    passages = [service.put(f"a-{word()}", f"{word()} {word()}."), service.put(f"b.{word()}_2", long)]
    if counted() != (before[0] + 2, before[1] + sum(passages)):
        wrong("GET /health: the numbers of documents and passages are not those that were brought.")
    if passages[0] != 1 or passages[1] < 3:
        wrong("PUT /documents/{id}: a line is one passage; 300 words in paragraphs of 50 are three at least.")


@check(
    points=2, needs=test_keeps_documents, hint="the search of the exercise `rag`, behind GET /search?q=…&k=…"
)
def test_finds(service, word):
    """GET /search finds the passages that share rare words with a question, best first, at most k"""
    marks, names = [word() for _ in range(8)], [f"c-{word()}" for _ in range(8)]
    for mark, name in zip(marks, names, strict=True):
        service.put(name, f"The tower of {mark} is {word()} and {word()}.")
    hits = service.search(f"What is the tower of {marks[5].upper()}?", 4)
    if not hits or hits[0]["document"] != names[5] or marks[5] not in hits[0]["text"]:
        wrong("GET /search: the passage with the rare word of the question does not come first.")
    if len(service.search("the tower")) != 5:
        wrong("GET /search: without k, five passages of eight that share a word with the question are found.")
    scores = [hit["score"] for hit in hits]
    if (
        len(hits) > 4
        or scores != sorted(scores, reverse=True)
        or len({hit["id"] for hit in hits}) != len(hits)
    ):
        wrong("GET /search: expected at most k passages, each once, their scores falling.")


# ---- answers ---------------------------------------------------------------------------------


@check(
    points=3,
    needs=test_finds,
    hint="send sources, then each piece of the model's reply as a token, then done with what is supported",
)
def test_answers(service, stream, word):
    """POST /ask streams the sources, the model's reply as it comes, and the answer with its citations"""
    mark, said, name = word(), f"{word()} {word()}", f"e-{word()}"
    service.put(name, f"The keeper of {mark} is {said}, as all know.")
    pieces = ("Let me ", "see: \n", f"Answer: {said[:5]}", f"{said[5:]} [1]")
    service.model.script[:] = [stream(*pieces)]
    events = service.ask(f"Who keeps {mark}?")
    service.model.script.clear()
    sources = service.sources(events)
    if not sources or sources[0]["document"] != name:
        wrong("POST /ask: the first source is not the passage that tells it.")
    tokens = [
        told.get("text") if isinstance(told, dict) else None for kind, told in events if kind == "token"
    ]
    if any(not isinstance(one, str) for one in tokens) or "".join(tokens) != "".join(pieces):
        wrong("POST /ask: the tokens together are not what the model said.")
    if events[-1] != ("done", {"answer": said, "citations": [sources[0]["id"]]}):
        wrong("POST /ask: expected done, with the answer and the id of the passage that was cited.")


# ---- the page --------------------------------------------------------------------------------


@check(
    points=2,
    needs=test_keeps_documents,
    hint="one HTML document with a form; fetch('/ask'); set texts by textContent",
)
def test_shows_a_page(service):
    """GET / shows a page that asks /ask, needs nothing from elsewhere, and sets no HTML from outside"""
    response = service.expect(service.http.get("/"), 200, "GET /")
    if len(response.text) > LONGEST_PAGE:
        wrong(f"GET /: the page has more than {LONGEST_PAGE:,} characters.")
    before, *comments = response.text.split("<!--")
    page = before + "".join(comment.partition("-->")[2] for comment in comments)
    page = re.sub(r"\s+", " ", page)
    if not response.headers.get("content-type", "").startswith("text/html"):
        wrong("GET /: the answer is no text/html.")
    for part in ("<title", "<form", "<script", "/ask", "<label"):
        if part not in page.lower():
            wrong(f"GET /: the page has no {part}.")
    if not re.search(r"<(input|textarea)\b", page, re.IGNORECASE):
        wrong("GET /: there is no field for a question.")
    if re.search(
        r"""(src|href|action)\s*=\s*["']?\s*(https?:)?//|url\(\s*["']?(https?:)?//""", page, re.IGNORECASE
    ):
        wrong("GET /: the page needs something from elsewhere.")
    if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", page):
        wrong("GET /: what comes from outside has to be set as text (textContent), never as HTML.")
