"""Messages to Slack: each part once, also when the process was killed halfway."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from advisor.slack.blocks import Block, split_messages
from advisor.slack.inbox import DAY, KEYS_DAYS, Payload
from advisor.slack.text import escaped, short

log = logging.getLogger("dladvisor.slack")
EVENT = "dladvisor_answer"


def refusal(error: SlackApiError) -> str:
    """Slack's word for why it refuses a call; '' for the error page of a gateway or proxy."""
    reason = str(error.response.get("error", ""))
    fine = getattr(error.response, "status_code", 200) == 200 and reason.isidentifier()
    return reason if fine else ""


def unreachable(error: Exception) -> bool:
    """Whether Slack was not reached, or is down: the same may work later."""
    if isinstance(error, SlackApiError):
        return not refusal(error)
    return isinstance(error, (URLError, ConnectionError, TimeoutError))


class Poster:
    """Posts what answers one payload. Every message carries the payload's key and its part."""

    def __init__(self, client: WebClient, payload: Payload, before: int = 0) -> None:
        """`before` is the part before the first."""
        self._client, self._payload = client, payload
        self._there: dict[int, str] | None = None
        self._part = before

    def post(self, channel: str, thread: str, blocks: list[Block], summary: str) -> str:
        """Post to a thread ('' for the channel), in several messages if it is long.

        The timestamp of the first, which is the name of its thread.
        """
        stamps = []
        for message in split_messages(blocks):
            self._part += 1
            if there := self._posted(channel, thread).get(self._part):
                stamps.append(there)
                continue
            done = self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread or None,
                text=escaped(short(summary, 300)),
                blocks=message,
                unfurl_links=False,
                unfurl_media=False,
                metadata={
                    "event_type": EVENT,
                    "event_payload": {"key": self._payload.key, "part": self._part},
                },
            )
            stamps.append(str(done["ts"]))
        return stamps[0]

    def _posted(self, channel: str, thread: str) -> dict[int, str]:
        """The parts that an earlier attempt posted before it failed or was killed."""
        if self._payload.tries == 1:
            return {}
        if self._there is None:
            self._there = {}
            try:
                for page in self._messages(channel, thread):
                    for message in page.get("messages", []):
                        about = message.get("metadata", {})
                        told = about.get("event_payload", {})
                        if (
                            about.get("event_type") == EVENT
                            and told.get("key") == self._payload.key
                        ):
                            self._there[int(told["part"])] = str(message["ts"])
            except SlackApiError as error:
                if unreachable(error):
                    raise
                log.warning("cannot look for what was posted: %s", refusal(error))
        return self._there

    def _messages(self, channel: str, thread: str) -> SlackResponse:
        """The messages where the answer belongs, page by page; a channel's of late only."""
        where: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": 200}
        if thread:
            return self._client.conversations_replies(**where, ts=thread)
        oldest = str(time.time() - KEYS_DAYS * DAY)
        return self._client.conversations_history(**where, oldest=oldest)


def whisper(client: WebClient, body: dict[str, Any], blocks: list[Block], summary: str) -> None:
    """Answer the one person who acted: through the payload's response_url, or else by name.

    Slack takes a response_url for 30 minutes only, and five times.
    """
    url = body.get("response_url")
    if not url:
        return
    webhook = WebhookClient(url, timeout=client.timeout, retry_handlers=client.retry_handlers)
    for message in split_messages(blocks):
        text = escaped(short(summary, 300))
        done = webhook.send(
            text=text, blocks=message, response_type="ephemeral", replace_original=False
        )
        if done.status_code != 200:
            log.warning("a private answer was refused: %s", done.status_code)
            channel, user = _person(body)
            client.chat_postEphemeral(channel=channel, user=user, text=text, blocks=message)


def _person(body: dict[str, Any]) -> tuple[str, str]:
    """Channel and user of a command, a shortcut or a button."""
    if "channel_id" in body:
        return body["channel_id"], body["user_id"]
    return body["channel"]["id"], body["user"]["id"]
