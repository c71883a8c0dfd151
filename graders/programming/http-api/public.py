"""What learners may read and run."""

from harness.grading import check, wrong

BAD_NOTES = [
    {},
    {"title": "", "text": "x"},
    {"title": "x" * 81, "text": "x"},
    {"title": "x"},
    {"title": "x", "text": "x" * 2001},
    {"title": 7, "text": "x"},
    {"title": "x", "text": "x", "tags": ["t"] * 6},
    {"title": "x", "text": "x", "tags": "t"},
]
LARGEST = {"title": "x" * 80, "text": "x" * 2000, "tags": ["t"] * 5}


# ---- notes -----------------------------------------------------------------------------------


@check(points=1, hint="GET /health needs no credentials and answers {'status': 'ok'}")
def test_says_that_it_runs(service):
    """GET /health says that the service runs"""
    response = service.expect(service.http.get("/health"), 200, "GET /health")
    if service.data(response, dict, "GET /health") != {"status": "ok"}:
        wrong("GET /health: expected {'status': 'ok'}.")


@check(points=2, needs=test_says_that_it_runs, hint="201, the note with its id, and where it is in Location")
def test_makes_a_note(service, key, note):
    """POST /notes makes a note and says where it is"""
    response = service.expect(service.request("POST", "/notes", json=note, key=key), 201, "POST /notes")
    made = service.data(response, dict, "POST /notes")
    if {name: made.get(name) for name in note} != note or type(made.get("id")) is not int:
        wrong("POST /notes: expected the note with a whole number 'id'.")
    if response.headers.get("location") != f"/notes/{made['id']}":
        wrong("POST /notes: the header Location does not name the note.")


@check(points=1, needs=test_makes_a_note, hint="look the id up; HTTPException(404) where it is not there")
def test_reads_a_note(service, key, note):
    """GET /notes/{id} returns the note, and 404 where there is none"""
    number = service.create(note, key)
    got = service.data(
        service.expect(service.request("GET", f"/notes/{number}", key=key), 200, "GET /notes/{id}"),
        dict,
        "GET",
    )
    if got != {"id": number, **note}:
        wrong("GET /notes/{id}: this is not the note that was made.")
    service.expect(service.request("GET", "/notes/999999", key=key), 404, "GET of a note that is not there")


@check(
    points=2,
    needs=test_makes_a_note,
    hint="let pydantic check lengths and types; FastAPI answers 422 by itself",
)
def test_refuses_bad_notes(service, key):
    """A note that breaks the rules is refused with 422 and not kept; the largest that keeps them is made"""
    before = service.data(service.request("GET", "/notes", key=key), dict, "GET /notes").get("total")
    for bad in BAD_NOTES:
        service.expect(
            service.request("POST", "/notes", json=bad, key=key), 422, f"POST /notes with {str(bad)[:40]}"
        )
    service.expect(service.request("POST", "/notes", body=b"{", key=key), 422, "POST /notes with broken JSON")
    if service.data(service.request("GET", "/notes", key=key), dict, "GET /notes").get("total") != before:
        wrong("A note that was refused has been kept.")
    service.expect(service.request("POST", "/notes", json=LARGEST, key=key), 201, "POST of the largest note")


# ---- who may come in -------------------------------------------------------------------------


@check(
    points=2,
    needs=test_makes_a_note,
    hint="401 and the header WWW-Authenticate: Bearer, on every route below /notes",
)
def test_asks_for_credentials(service):
    """Without credentials, or with wrong ones, every route below /notes answers 401"""
    routes = [("GET", "/notes"), ("POST", "/notes"), ("GET", "/notes/1"), ("DELETE", "/notes/1")]
    for method, path in [*routes, ("POST", "/notes/1/summary")]:
        response = service.expect(
            service.http.request(method, path), 401, f"{method} {path} without credentials"
        )
        if not response.headers.get("www-authenticate", "").startswith("Bearer"):
            wrong(f"{method} {path}: a 401 needs the header WWW-Authenticate: Bearer.")
    for headers in ({"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}):
        service.expect(service.http.get("/notes", headers=headers), 401, "GET /notes with wrong credentials")
