"""Slack on loopback: its Web API, response URLs, and its side of Socket Mode.

It refuses what Slack refuses (too many blocks, too long texts, wrong tokens), and keeps what
was posted.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "xoxb-" + "test-000-token"
APP_TOKEN = "xapp-" + "1-test-token"
SIGNING = "5bd1e0f0a3c24f6f9d4b"
BOT = "U0BOT"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class SlackApi:
    """The server; `posted` and `whispered` hold what the bot said, in order."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.whispered: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.errors: dict[str, str] = {}
        self.delay = 0.0
        # While it is down, a gateway's error page answers everything.
        self.down = False
        # What answers response_urls; chat.postMessage waits while `going` is clear.
        self.respond_status = 200
        self.going = threading.Event()
        self.going.set()
        self.held = 0
        self.socket_url = ""
        self._stamps = itertools.count(1)
        self._lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if api.down:
                    self.send_error(503)
                    return
                answer = api.answer(self.path, body, self.headers)
                raw = json.dumps(answer).encode()
                gone = self.path.startswith("/respond/") and api.respond_status != 200
                self.send_response(api.respond_status if gone else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def response_url(self) -> str:
        return self.url.replace("/api/", "/respond/1")

    def answer(self, path: str, body: bytes, headers: Any) -> dict[str, Any]:
        if path.startswith("/respond/"):
            message = json.loads(body)
            problem = wrong_blocks(message.get("blocks", []))
            if self.respond_status != 200:
                return {"ok": False}
            with self._lock:
                self.whispered.append(message)
            return {"ok": not problem}
        name = path.removeprefix("/api/").partition("?")[0]
        token = headers.get("authorization", "").removeprefix("Bearer ")
        values = read(path, body, headers)
        with self._lock:
            self.calls.append(name)
        if name == "apps.connections.open":
            fine = token == APP_TOKEN
            return (
                {"ok": True, "url": self.socket_url}
                if fine
                else {"ok": False, "error": "invalid_auth"}
            )
        if token != TOKEN:
            return {"ok": False, "error": "invalid_auth"}
        if name in self.errors:
            return {"ok": False, "error": self.errors[name]}
        return {
            "auth.test": self.auth_test,
            "chat.postMessage": self.post_message,
            "chat.postEphemeral": self.post_ephemeral,
            "conversations.replies": self.replies,
            "conversations.history": self.replies,
        }[name](values)

    def auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "user_id": BOT, "bot_id": "B0BOT", "team_id": "T1", "url": self.url}

    def post_message(self, message: dict[str, Any]) -> dict[str, Any]:
        if problem := wrong_blocks(message.get("blocks", [])):
            return {"ok": False, "error": problem}
        with self._lock:
            self.held += 1
        self.going.wait(60)
        time.sleep(self.delay)
        with self._lock:
            self.held -= 1
            message["ts"] = f"2000.{next(self._stamps):06}"
            self.posted.append(message)
        return {"ok": True, "ts": message["ts"], "channel": message["channel"]}

    def post_ephemeral(self, message: dict[str, Any]) -> dict[str, Any]:
        if problem := wrong_blocks(message.get("blocks", [])):
            return {"ok": False, "error": problem}
        with self._lock:
            self.whispered.append(message)
        return {"ok": True, "message_ts": "2000.9"}

    def replies(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            found = [
                message
                for message in self.posted
                if message["channel"] == asked["channel"]
                and message.get("thread_ts") == asked.get("ts")
            ]
        return {"ok": True, "messages": found, "has_more": False}

    def keys(self) -> list[str]:
        """The payloads that were answered, one for each message."""
        return [message["metadata"]["event_payload"]["key"] for message in self.posted]


def read(path: str, body: bytes, headers: Any) -> dict[str, Any]:
    if headers.get("content-type", "").startswith("application/json"):
        return json.loads(body or b"{}")
    query = urllib.parse.urlsplit(path).query
    values = dict(urllib.parse.parse_qsl(query) + urllib.parse.parse_qsl(body.decode()))
    for name in ("blocks", "metadata"):
        if name in values:
            values[name] = json.loads(values[name])
    return values


def wrong_blocks(blocks: list[dict[str, Any]]) -> str:
    """What Slack says of blocks over its limits; '' if they are fine."""
    if len(blocks) > 50:
        return "invalid_blocks"
    for block in blocks:
        if block["type"] not in ("rich_text", "actions"):
            return "invalid_blocks"
        if block["type"] == "actions" and not 1 <= len(block["elements"]) <= 25:
            return "invalid_blocks"
        for button in block["elements"] if block["type"] == "actions" else ():
            if len(button["text"]["text"]) > 75 or len(button["value"]) > 2000:
                return "invalid_blocks"
        names = [button["action_id"] for button in block["elements"] if "action_id" in button]
        if len(names) != len(set(names)):
            return "invalid_blocks"
    texts = list(strings(blocks))
    if not all(texts):
        return "invalid_blocks"
    if any(len(text) > 3000 for text in texts):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(map(len, texts)) > 13_200 else ""


def strings(value: Any):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("text", "url") and isinstance(inner, str):
                yield inner
            else:
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def shown(message: dict[str, Any]) -> str:
    """All that a message shows."""
    return "".join(strings(message["blocks"]))


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The first button of each action in a message."""
    found: dict[str, dict[str, Any]] = {}
    for block in message["blocks"]:
        if block["type"] == "actions":
            for button in block["elements"]:
                found.setdefault(button["action_id"], button)
    return found


_events = itertools.count(1)


def event(kind: str, text: str, **fields: Any) -> dict[str, Any]:
    """An Events API payload."""
    number = next(_events)
    inner = {
        "type": kind,
        "user": "U0ANN",
        "text": text,
        "channel": "C1",
        "channel_type": "channel",
        "ts": f"1000.{number:06}",
        **fields,
    }
    return {
        "type": "event_callback",
        "team_id": "T1",
        "api_app_id": "A1",
        "event_id": f"Ev{number:06}",
        "event": inner,
        "authorizations": [{"team_id": "T1", "user_id": BOT, "is_bot": True}],
    }


def mention(text: str, **fields: Any) -> dict[str, Any]:
    return event("app_mention", f"<@{BOT}> {text}", **fields)


def command(text: str, response_url: str) -> dict[str, Any]:
    return {
        "command": "/dladvisor",
        "text": text,
        "user_id": "U0ANN",
        "channel_id": "C1",
        "team_id": "T1",
        "trigger_id": f"Tr{next(_events):06}",
        "response_url": response_url,
    }


def shortcut(text: str, response_url: str) -> dict[str, Any]:
    return {
        "type": "message_action",
        "callback_id": "what_could_this_be",
        "trigger_id": f"Tr{next(_events):06}",
        "response_url": response_url,
        "team": {"id": "T1"},
        "user": {"id": "U0ANN"},
        "channel": {"id": "C1"},
        "message": {"type": "message", "text": text, "ts": f"1000.{next(_events):06}"},
    }


def press(
    button: dict[str, Any], response_url: str, thread: str = "", user: str = "U0ANN"
) -> dict[str, Any]:
    """A button pressed in a thread, or in a private answer where `thread` is ''.

    The thread of a message that stands by itself in the channel is its own.
    """
    container: dict[str, Any] = {"type": "message", "message_ts": "2000.1", "channel_id": "C1"}
    container |= {"thread_ts": thread} if thread else {"is_ephemeral": True}
    return {
        "type": "block_actions",
        "trigger_id": f"Tr{next(_events):06}",
        "response_url": response_url,
        "team": {"id": "T1"},
        "user": {"id": user},
        "channel": {"id": "C1"},
        "container": container,
        "actions": [{**button, "block_id": "b", "action_ts": "1"}],
    }


def signed(body: bytes, content: str, at: float | None = None, **more: str) -> dict[str, str]:
    """The headers of a request as Slack signs it."""
    stamp = str(int(time.time() if at is None else at))
    base = f"v0:{stamp}:".encode() + body
    digest = hmac.new(SIGNING.encode(), base, hashlib.sha256).hexdigest()
    return {
        "content-type": content,
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
        **more,
    }


def as_request(payload: dict[str, Any], at: float | None = None, **more: str):
    """Body and headers for the events endpoint."""
    if "event_id" in payload:
        body, content = json.dumps(payload).encode(), "application/json"
    else:
        form = payload if "command" in payload else {"payload": json.dumps(payload)}
        body = urllib.parse.urlencode(form).encode()
        content = "application/x-www-form-urlencoded"
    return body, signed(body, content, at, **more)


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.05)
