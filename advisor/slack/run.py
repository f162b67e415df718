"""Starting the bot: Socket Mode, or the events endpoint over HTTP."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import AdvisorError, BadSettings, MissingExtra
from advisor.settings import Settings

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_sdk.socket_mode.builtin import SocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from advisor.slack.listeners import Workers

log = logging.getLogger("dladvisor.slack")
MANIFEST = Path(__file__).resolve().parent / "manifest.yml"
SLACK = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach Slack. Secrets are not shown when this is printed."""

    settings: Settings
    state: Path
    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    http: bool = False
    host: str = "127.0.0.1"
    port: int = 3000
    api_url: str = SLACK
    auto: tuple[str, ...] = ()


def check(options: Options) -> None:
    """Raises BadSettings for what is missing, before anything is loaded."""
    needed = {"SLACK_BOT_TOKEN": (options.bot_token, "xoxb-")}
    if options.http:
        needed["SLACK_SIGNING_SECRET"] = (options.signing_secret, "")
    else:
        needed["SLACK_APP_TOKEN"] = (options.app_token, "xapp-")
    for name, (value, start) in needed.items():
        if not value:
            raise BadSettings(
                f"{name} is not set.", "The setup page says where to find it: docs/slack.md"
            )
        if not value.startswith(start):
            raise BadSettings(
                f"{name} does not begin with '{start}'.",
                "The two tokens may have been swapped: xoxb- is the bot's, xapp- the app's.",
            )
    for channel in options.auto:
        if not re.fullmatch(r"[CG][A-Z0-9]{2,}", channel):
            raise BadSettings(
                f"--auto {channel} is no channel's id.",
                "It begins with C and stands at the end of the channel's About page in Slack.",
            )
    if not options.api_url.startswith(("https://", "http://")):
        raise BadSettings("--api-url is no web address.", "It begins with https://")


def run(options: Options) -> None:
    """Answer until SIGTERM or SIGINT; what was acknowledged is answered first."""
    check(options)
    try:
        import slack_bolt  # noqa: F401 - 130 ms, and only to see whether it is there
    except ImportError as error:
        raise MissingExtra("The Slack bot", "slack") from error
    _log_without_secrets(options)
    from slack_sdk import WebClient
    from slack_sdk.http_retry.builtin_handlers import (
        ConnectionErrorRetryHandler,
        RateLimitErrorRetryHandler,
    )

    from advisor.desk import Desk
    from advisor.slack.inbox import Inbox
    from advisor.slack.listeners import Workers, make_app
    from advisor.slack.work import Answering

    client = WebClient(
        options.bot_token,
        base_url=options.api_url.rstrip("/") + "/",
        retry_handlers=[
            ConnectionErrorRetryHandler(max_retry_count=2),
            RateLimitErrorRetryHandler(max_retry_count=5),
        ],
    )
    with _telling("bot's", "OAuth & Permissions", options):
        client.auth_test()
    inbox = Inbox(options.state)
    desk = Desk.open(options.settings, "slack", log.warning)
    desk.live.watch()
    workers = Workers(inbox, Answering(desk, inbox, client))
    app, give = make_app(client, options.signing_secret, inbox, frozenset(options.auto))
    give(workers)
    workers.start()
    try:
        if options.http:
            from advisor.slack.endpoint import serve

            serve(app, options, inbox, workers)
        else:
            _socket_mode(app, options, workers)
    finally:
        workers.stop()
        desk.live.stop()
        inbox.close()


def _socket_mode(app: App, options: Options, workers: Workers) -> None:
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    class Handler(SocketModeHandler):
        def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
            with workers.arriving():
                super().handle(client, req)

    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    handler = Handler(app, options.app_token)
    try:
        with _telling("app's", "Basic Information, App-Level Tokens", options):
            handler.connect()  # type: ignore[no-untyped-call]
        if not handler.client.is_connected():
            print("dladvisor: not connected yet; it is tried again.", file=sys.stderr, flush=True)
        while not (handler.client.is_connected() or ending.wait(1)):
            pass
        if not ending.is_set():
            print("dladvisor: connected to Slack. Ctrl-C ends it.", file=sys.stderr, flush=True)
        ending.wait()
    finally:
        handler.close()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _telling(whose: str, where: str, options: Options) -> Iterator[None]:
    """Turn Slack's refusal of a token, and no answer at all, into what a person can act on."""
    from slack_sdk.errors import SlackApiError

    from advisor.slack.poster import refusal

    try:
        yield
    except (SlackApiError, OSError) as error:
        if isinstance(error, SlackApiError) and (reason := refusal(error)):
            raise AdvisorError(
                f"Slack refuses the {whose} token: {reason}.",
                f"Copy it again from the app's page, under {where}.",
            ) from error
        raise AdvisorError(
            f"Slack cannot be reached at {options.api_url}: {type(error).__name__}.",
            "Check the network, and --api-url if you gave one.",
        ) from error


class _NoSecrets(logging.Filter):
    """Takes this bot's secrets, and whatever looks like one, out of every line."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._own = [
            value
            for value in (options.bot_token, options.app_token, options.signing_secret)
            if value
        ]

    def filter(self, record: logging.LogRecord) -> bool:
        """The record with its secrets replaced."""
        from advisor.redaction import SECRET, redacted

        line = record.getMessage()
        for value in self._own:
            line = line.replace(value, SECRET)
        record.msg, record.args = redacted(line), ()
        return True


class _Frames(logging.Formatter):
    """Lines with an exception's frames and kind, without its message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """The frames, then the kind."""
        return "".join(traceback.format_tb(ei[2])) + str(ei[0].__name__)


def _log_without_secrets(options: Options) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_NoSecrets(options))
    # Some libraries set a level of their own: bm25s tells each step of an index.
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Frames("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)


def default_state() -> Path:
    """Where the inbox is kept, unless --state says otherwise."""
    import platformdirs

    return Path(platformdirs.user_state_dir("dladvisor", appauthor=False)) / "slack.sqlite"


def from_environment(settings: Settings, **given: object) -> Options:
    """Options with the secrets that Slack's own tools read from the same variables."""
    values = {
        "bot_token": os.environ.get("SLACK_BOT_TOKEN", ""),
        "app_token": os.environ.get("SLACK_APP_TOKEN", ""),
        "signing_secret": os.environ.get("SLACK_SIGNING_SECRET", ""),
        **given,
    }
    return Options(settings=settings, **values)  # type: ignore[arg-type]
