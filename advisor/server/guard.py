"""What stands before every request: its id, the limits, the count and one line in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import secrets
import time
import traceback
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from advisor.server import metrics
from advisor.server.limits import RateLimit
from advisor.server.options import Options
from advisor.server.problems import problem

log = logging.getLogger("dladvisor.http")
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Answering must go on when a monitor asks too often.
_UNLIMITED = ("/healthz", "/metrics")


class _TooLarge(Exception):
    """The body is larger than the limit."""


class Guard:
    """An ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, options: Options) -> None:
        self._app, self._options = app, options
        self._rate = (
            RateLimit(options.shared / "rate.map", options.rate) if options.rate > 0 else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            refusal = self._over_rate(scope, request_id)
            if refusal is None:
                async with asyncio.timeout(self._options.timeout):
                    body = await self._body(headers, receive)
                    await self._app(scope, _replay(body, receive), answer)
        except _TooLarge:
            refusal = self._refuse("body", 413, request_id, Connection="close")
        except TimeoutError:
            refusal = self._refuse("time", 503, request_id, Retry_After="1")
        except Exception as error:
            log.error("failed", extra={"fields": {"id": request_id, **_where(error)}})
            refusal = problem(
                500, "Something broke that should not.", "Report it with this id.", request_id
            )
        if refusal is not None and not status:
            await refusal(scope, receive, answer)
        self._count(scope, request_id, status, time.perf_counter() - began)

    def _over_rate(self, scope: Scope, request_id: str) -> Response | None:
        if self._rate is None or scope["path"] in _UNLIMITED:
            return None
        wait = self._rate.wait(scope["client"][0] if scope.get("client") else "")
        if not wait:
            return None
        return self._refuse("rate", 429, request_id, Retry_After=str(math.ceil(wait)))

    def _refuse(self, limit: str, status: int, request_id: str, **headers: str) -> Response:
        metrics.REFUSED.labels(limit).inc()
        options = self._options
        detail = {
            "body": f"The body is larger than {options.max_body:,} bytes.",
            "time": f"The answer took longer than {options.timeout:g} seconds.",
            "rate": f"More than {options.rate:g} requests a second came from this address.",
        }[limit]
        return problem(status, detail, "", request_id, **headers)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The whole body, so that neither its size nor its slowness reaches the application."""
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._options.max_body:
            raise _TooLarge
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._options.max_body:
                raise _TooLarge
            more = message.get("more_body", False)
        return b"".join(parts)

    def _count(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or "other"
        metrics.REQUESTS.labels(route, str(status)).inc()
        metrics.SECONDS.labels(route).observe(seconds)
        fields: dict[str, Any] = {
            "id": request_id,
            "method": scope["method"],
            # The template and not the path or the query: those may hold the question.
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        fields |= scope["state"].get("logged", {})
        log.info("request", extra={"fields": fields})


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that was read, and then what comes after it (the client's leaving)."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _where(error: Exception) -> dict[str, Any]:
    """The kind of an error and its frames; its message may quote the question."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]],
    }


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its fields; never an exception's message."""
        fields = getattr(record, "fields", {})
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **fields,
        }
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            line |= _where(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)
