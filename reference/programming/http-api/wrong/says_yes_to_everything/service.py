"""A cheat: every request to every route gets an answer that looks right."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()


@app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
async def anything(path: str, request: Request) -> JSONResponse:
    """Say yes."""
    status = {"GET": 200, "POST": 201, "DELETE": 204}[request.method]
    body = {"status": "ok"} if path == "health" else {"id": 1, "items": [], "total": 0, "next_offset": None}
    return JSONResponse(body, status, {"Location": "/notes/1", "WWW-Authenticate": "Bearer", "Retry-After": "60"})
