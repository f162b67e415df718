"""The events endpoint over HTTP: signatures checked, each signed request taken once."""

from __future__ import annotations

import signal
import sys
from typing import Any

import anyio.to_thread
import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from advisor.slack.inbox import Inbox
from advisor.slack.listeners import Workers
from advisor.slack.run import Options

# Slack's payloads are some kilobytes; a message has 40,000 characters at most.
MAX_BODY = 1_000_000


def make_endpoint(app: App, signing_secret: str, inbox: Inbox, workers: Workers) -> Starlette:
    """The ASGI application: POST /slack/events for events, commands and buttons alike."""
    verifier = SignatureVerifier(signing_secret)

    async def events(request: Request) -> Response:
        with workers.arriving():
            return await taken(request)

    async def taken(request: Request) -> Response:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                return PlainTextResponse("too large", 413)
            parts.append(part)
        body = b"".join(parts)
        signature = request.headers.get("x-slack-signature", "")
        stamp = request.headers.get("x-slack-request-timestamp", "")
        # is_valid also refuses timestamps that are more than five minutes off.
        if not stamp.isdigit() or not verifier.is_valid(body, stamp, signature):
            return PlainTextResponse("invalid signature", 401)

        def take() -> Response:
            # Slack signs each retry anew: the same signature twice is somebody's replay.
            if not inbox.take_in(f"signature:{signature}", "signature", None):
                return PlainTextResponse("seen before", 401)
            return to_starlette_response(app.dispatch(to_bolt_request(request, body)))

        return await anyio.to_thread.run_sync(take)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/slack/events", events, methods=["POST"]),
            Route("/healthz", health, methods=["GET"]),
        ]
    )


def serve(app: App, options: Options, inbox: Inbox, workers: Workers) -> None:
    """Listen until SIGTERM or SIGINT."""
    endpoint: Any = make_endpoint(app, options.signing_secret, inbox, workers)
    config = uvicorn.Config(
        endpoint,
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
    print(
        f"dladvisor: events at http://{options.host}:{options.port}/slack/events",
        file=sys.stderr,
        flush=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: None)  # as in advisor.server.run
    uvicorn.Server(config).run()
