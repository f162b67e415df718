"""Every failure as a problem document that quotes nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from advisor.errors import AdvisorError, BadQuestion, UnknownName
from advisor.server import shapes
from advisor.server.problems import problem

log = logging.getLogger("dladvisor.http")


def tell_all(app: FastAPI) -> None:
    """Have the application tell its failures."""

    def tell(
        request: Request, status: int, detail: str, hint: str = "", **headers: str
    ) -> Response:
        return problem(status, detail, hint, request.state.request_id, **headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return tell(request, 400, "The body is not JSON.")
        said = [f"{'.'.join(map(str, item['loc']))}: {_plain(item)}" for item in found[:5]]
        return tell(request, 422, "; ".join(said), "See /openapi.json for what is accepted.")

    @app.exception_handler(AdvisorError)
    async def failed(request: Request, error: AdvisorError) -> Response:
        if isinstance(error, UnknownName):
            return tell(request, 404, error.message, error.hint_for("See /v1/entries."))
        if isinstance(error, BadQuestion):
            return tell(request, 422, error.message, error.hint)
        log.error("failed", extra={"fields": {"id": request.state.request_id}}, exc_info=error)
        return tell(request, 500, "It cannot be answered now.", "The log says why.")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
        methods = _methods(app, request)
        if methods and request.method not in methods:
            # Where a site is served too, its 404 would hide that only the method is wrong.
            allowed = ", ".join(methods)
            return tell(request, 405, f"Only {allowed} work here.", Allow=allowed)
        # Starlette's own 404 has only the status' name to say.
        hint = "See /openapi.json." if error.detail == "Not Found" else ""
        return tell(request, error.status_code, str(error.detail), hint, **headers)


def _plain(item: Mapping[str, Any]) -> str:
    """What is wrong with one field, where pydantic says it in words for programmers."""
    if item["type"] == "string_pattern_mismatch" and item["ctx"]["pattern"] == shapes.ANY_WORD:
        return "There are no words in it. Say in English what you see."
    if item["type"].startswith(("model_", "dict_")):
        return "A JSON object is needed, sent as content-type application/json."
    return str(item["msg"])


def _methods(app: FastAPI, request: Request) -> list[str]:
    """The methods of all routes of this path: Starlette tells those of the first only."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)
