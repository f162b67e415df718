"""The Bolt app: payloads are kept, acknowledged and handed to the threads that answer."""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from slack_bolt import App, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from advisor.errors import AdvisorError
from advisor.slack.inbox import Inbox, Payload
from advisor.slack.poster import refusal, unreachable
from advisor.slack.work import Answering, sentence_for

log = logging.getLogger("dladvisor.slack")
# A question keeps a core busy for 10 ms, then waits for Slack. More threads would take the time
# that acknowledgements need.
THREADS = 4
# In a flood of payloads some answer is begun after this time all the same.
PATIENCE_SECONDS = 5.0
# While Slack cannot be reached: after 4 s, 8 s, 16 s, then each minute, for an hour.
MOST_TRIES = 64
RETRY_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
COMMAND = "/dladvisor"
SHORTCUT = "what_could_this_be"
ACTIONS = re.compile(r"^(helpful|not_helpful|more(?:_\d+)?|next_question|share|answer_\d+)$")


class Workers:
    """Threads that answer what the inbox holds."""

    def __init__(self, inbox: Inbox, answering: Answering) -> None:
        self._inbox, self._answering = inbox, answering
        self._keys: queue.Queue[str | None] = queue.Queue()
        self._stopping = threading.Event()
        self._arriving, self._arrived = 0, threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, name=f"answer {number}", daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Begin with what an earlier process left unanswered."""
        for key in self._inbox.waiting():
            self._keys.put(key)
        for thread in self._threads:
            thread.start()

    def put(self, key: str) -> None:
        """Have a payload answered that the inbox holds."""
        self._keys.put(key)

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """No new answer is begun while a payload waits to be acknowledged: Slack waits 3 s."""
        with self._arrived:
            self._arriving += 1
        try:
            yield
        finally:
            with self._arrived:
                self._arriving -= 1
                self._arrived.notify_all()

    def stop(self) -> None:
        """Answer what waits, then end."""
        self._stopping.set()
        for _ in self._threads:
            self._keys.put(None)
        for thread in self._threads:
            thread.join(timeout=20)

    def _run(self) -> None:
        while (key := self._keys.get()) is not None:
            with self._arrived:
                self._arrived.wait_for(lambda: not self._arriving, PATIENCE_SECONDS)
            try:
                self._answer(key)
            except Exception as error:  # a thread must outlive any one payload
                log.error("cannot answer: %s", type(error).__name__)

    def _answer(self, key: str) -> None:
        payload = self._inbox.claim(key)
        if payload is None:
            return
        try:
            self._answering.answer(payload)
        except Exception as error:
            if payload.tries < MOST_TRIES and unreachable(error):
                log.warning("cannot answer yet: %s", type(error).__name__)
                self._later(payload)
                return
            self._tell(payload, error)
        self._inbox.done(key)

    def _later(self, payload: Payload) -> None:
        """Try again after a while. The inbox holds it until then, also for the next process."""
        if self._stopping.is_set():
            return
        pause = min(RETRY_SECONDS * 2 ** min(payload.tries, 10), LONGEST_PAUSE_SECONDS)
        timer = threading.Timer(pause, self.put, [payload.key])
        timer.daemon = True
        timer.start()

    def _tell(self, payload: Payload, error: Exception) -> None:
        self._log(error)
        try:
            self._answering.tell_failure(payload, _told(error))
        except Exception as second:
            log.error("the failure cannot be told: %s", type(second).__name__)

    def _log(self, error: Exception) -> None:
        if isinstance(error, SlackApiError):
            log.error("Slack refused an answer: %s", refusal(error) or "no Slack answered")
        elif not isinstance(error, AdvisorError):
            # The frames and not the message: that may quote what was asked.
            log.error("failed: %s", type(error).__name__, exc_info=error)


def _told(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        reason = refusal(error)
        if reason in ("not_in_channel", "channel_not_found"):
            return "I am not in that channel. Invite me with /invite @dladvisor and try again."
        if reason:
            return f"Slack did not take the answer ({reason})."
    return "Slack could not be reached for an hour." if unreachable(error) else sentence_for(error)


def make_app(
    client: WebClient, signing_secret: str, inbox: Inbox, auto: frozenset[str]
) -> tuple[App, Callable[[Workers], None]]:
    """The Bolt app, and what gives it the workers once they are made."""
    # Bolt warns that it will not use the token in the environment: the client has it already.
    log.setLevel(logging.ERROR)
    app = App(
        client=client,
        # Without Bolt's own check in Socket Mode no secret is needed.
        signing_secret=signing_secret or "unused in socket mode",
        logger=log,
    )
    log.setLevel(logging.NOTSET)
    held: list[Workers] = []

    def keep(key: str, kind: str, body: dict[str, Any]) -> bool:
        """Keep a payload before it is acknowledged; False for one that was here before."""
        if not inbox.take_in(key, kind, body):
            return False
        held[0].put(key)
        return True

    def keep_event(body: dict[str, Any], context: Any) -> BoltResponse:
        kind = kind_of(body["event"], str(context.bot_user_id or ""), auto)
        if kind:
            keep(body["event_id"], kind, body)
        return BoltResponse(status=200, body="")

    def keep_command(body: dict[str, Any], ack: Callable[[], None]) -> None:
        keep(body["trigger_id"], "command", body)
        ack()

    def keep_shortcut(body: dict[str, Any], ack: Callable[[], None]) -> None:
        keep(body["trigger_id"], "shortcut", body)
        ack()

    def keep_action(body: dict[str, Any], ack: Callable[[], None]) -> None:
        keep(body["trigger_id"], "action", body)
        ack()

    for name in ("app_mention", "message"):
        # As middleware, since Bolt acknowledges an event before its listener runs.
        app.event(name, middleware=[keep_event])(_nothing)
    app.command(COMMAND)(keep_command)
    app.shortcut(SHORTCUT)(keep_shortcut)
    app.action(ACTIONS)(keep_action)
    return app, held.append


def _nothing() -> None:
    """The middleware has done it."""


def kind_of(event: dict[str, Any], bot_user: str, auto: frozenset[str]) -> str:
    """What an event asks for; '' for what is none of ours."""
    if event.get("bot_id") or event.get("subtype") not in (None, "file_share", "thread_broadcast"):
        return ""
    direct = event.get("channel_type") == "im"
    if event["type"] == "app_mention":
        # A direct message that mentions the bot also arrives as a message.
        return "" if direct else "mention"
    if direct:
        return "direct"
    mentioned = bool(bot_user) and f"<@{bot_user}" in event.get("text", "")
    in_thread = event.get("thread_ts") not in (None, event.get("ts"))
    heard = event.get("channel") in auto and not mentioned and not in_thread
    return "overheard" if heard else ""
