"""Failures as RFC 9457 problem details, which every client can read."""

from __future__ import annotations

import http
import json
from typing import Any

from starlette.responses import Response

from advisor.safe_text import printable

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, hint: str = "", request_id: str = "", **headers: str
) -> Response:
    """A response that tells one failure; header names are written with _ for -."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": printable(detail),
    }
    if hint:
        body["hint"] = printable(hint)
    if request_id:
        body["request_id"] = request_id
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        MEDIA_TYPE,
    )
