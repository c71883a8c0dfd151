"""The same service without FastAPI's helpers: Starlette routes, checks by hand, urllib for the upstream."""

import hmac
import json
import os
import time
import urllib.error
import urllib.request

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NOTES = {}
LAST = [0]
SEEN = {}


class Refused(Exception):
    def __init__(self, status, headers=None):
        super().__init__(status)
        self.status, self.headers = status, headers


def same(a, b):
    return bool(b) and hmac.compare_digest(a.encode(), b.encode())


def who(request):
    auth = request.headers.get("authorization", "")
    if auth[:7].lower() == "bearer " and same(auth[7:], os.environ.get("SERVICE_TOKEN", "")):
        return "owner"
    given = request.headers.get("x-api-key", "")
    matches = [key for key in os.environ.get("SERVICE_API_KEYS", "").split(",") if same(given, key)]
    if not matches:
        raise Refused(401, {"WWW-Authenticate": 'Bearer realm="notes"'})
    return matches[0]


def admit(request):
    name, now = who(request), time.time()
    recent = [moment for moment in SEEN.get(name, []) if now - moment < 60]
    if len(recent) >= int(os.environ.get("RATE_LIMIT", 60)):
        SEEN[name] = recent
        raise Refused(429, {"Retry-After": str(max(1, round(60 - (now - recent[0]))))})
    SEEN[name] = [*recent, now]


def guarded(function):
    async def route(request):
        try:
            admit(request)
            return await function(request)
        except Refused as refused:
            return JSONResponse({"detail": "refused"}, refused.status, refused.headers)

    return route


def valid(note):
    if not isinstance(note, dict):
        return False
    title, text, tags = note.get("title"), note.get("text"), note.get("tags", [])
    good_tags = isinstance(tags, list) and len(tags) <= 5 and all(isinstance(tag, str) for tag in tags)
    return good_tags and isinstance(title, str) and 1 <= len(title) <= 80 and isinstance(text, str) and len(text) <= 2000


async def health(request):
    return JSONResponse({"status": "ok"})


@guarded
async def notes(request):
    return await (create(request) if request.method == "POST" else listing(request))


async def create(request):
    try:
        note = json.loads(await request.body())
    except ValueError:
        raise Refused(422) from None
    if not valid(note):
        raise Refused(422)
    LAST[0] += 1
    made = {"id": LAST[0], "title": note["title"], "text": note["text"], "tags": note.get("tags", [])}
    NOTES[made["id"]] = made
    return JSONResponse(made, 201, {"Location": f"/notes/{made['id']}"})


def number(request, name, default, low, high):
    text = request.query_params.get(name, str(default))
    try:
        value = int(text)
    except ValueError:
        raise Refused(422) from None
    if not low <= value <= high:
        raise Refused(422)
    return value


async def listing(request):
    limit, offset = number(request, "limit", 10, 1, 50), number(request, "offset", 0, 0, 10**9)
    tag = request.query_params.get("tag")
    chosen = [note for note in NOTES.values() if tag is None or tag in note["tags"]]
    following = offset + limit
    page = {"items": chosen[offset:following], "total": len(chosen)}
    return JSONResponse({**page, "next_offset": following if following < len(chosen) else None})


@guarded
async def one(request):
    key = request.path_params["number"]
    if key not in NOTES:
        raise Refused(404)
    if request.method == "DELETE":
        del NOTES[key]
        return Response(status_code=204)
    return JSONResponse(NOTES[key])


@guarded
async def summary(request):
    key = request.path_params["number"]
    if key not in NOTES:
        raise Refused(404)
    return JSONResponse({"summary": await run_in_threadpool(summarised, NOTES[key]["text"])})


def summarised(text):
    url = os.environ["UPSTREAM_URL"] + "/summarise"
    headers = {"Authorization": "Bearer " + os.environ["UPSTREAM_TOKEN"], "Content-Type": "application/json"}
    status = 502
    for _ in range(3):
        ask = urllib.request.Request(url, json.dumps({"text": text}).encode(), headers)
        try:
            with urllib.request.urlopen(ask, timeout=1) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise Refused(502) from None
            status = 502
        except TimeoutError:
            status = 504
        except OSError as error:
            status = 504 if isinstance(getattr(error, "reason", None), TimeoutError) else 502
        else:
            return text_in(body)
        time.sleep(0.05)
    raise Refused(status)


def text_in(body):
    try:
        value = json.loads(body)["summary"]
    except (ValueError, KeyError, TypeError):
        raise Refused(502) from None
    if not isinstance(value, str):
        raise Refused(502)
    return value


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/notes", notes, methods=["GET", "POST"]),
        Route("/notes/{number:int}", one, methods=["GET", "DELETE"]),
        Route("/notes/{number:int}/summary", summary, methods=["POST"]),
    ]
)
