"""What is done with each payload, after it was acknowledged."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from slack_sdk import WebClient

from advisor.conversation import Conversation
from advisor.desk import MAX_TURNS, Desk
from advisor.errors import AdvisorError, BadQuestion, UnknownName
from advisor.reply import Reply
from advisor.slack import blocks as block_kit
from advisor.slack.blocks import Block, rich, said
from advisor.slack.entry import body_blocks, entry_blocks
from advisor.slack.inbox import Inbox, Payload
from advisor.slack.poster import Poster, whisper
from advisor.slack.text import plain, written

USAGE = (
    "Describe what you see, in your own words: /dladvisor loss becomes nan after 300 steps. "
    "You can paste an error message. Only you see the answer until you share it."
)
EXAMPLE = "Describe what you see, for example: loss becomes nan after 300 steps."
OVER = "This conversation is too old to go on. Ask again."
PRIVATE = "private:"
LOCKS = 64


class Answering:
    """Answers payloads. Threads may share it."""

    def __init__(self, desk: Desk, inbox: Inbox, client: WebClient) -> None:
        self._desk, self._inbox, self._client = desk, inbox, client
        self._settings = desk.live.settings
        # Two people may press buttons of one thread at the same moment.
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._kinds: dict[str, Callable[[Payload], None]] = {
            "mention": self._mention,
            "direct": self._mention,
            "overheard": self._overheard,
            "command": self._command,
            "shortcut": self._shortcut,
            "action": self._action,
        }

    def answer(self, payload: Payload) -> None:
        """Answer one payload; raises what went wrong."""
        self._kinds[payload.kind](payload)

    def tell_failure(self, payload: Payload, sentence: str) -> None:
        """Say in the thread, or privately, that there is no answer and why."""
        found = [rich(said(sentence))]
        channel, thread = _place(payload)
        if payload.kind in ("mention", "direct", "overheard") and channel:
            Poster(self._client, payload, before=-1).post(channel, thread, found, sentence)
        else:
            whisper(self._client, payload.body, found, sentence)

    def _mention(self, payload: Payload) -> None:
        channel, thread = _place(payload)
        text = plain(payload.body["event"].get("text", ""))
        poster = Poster(self._client, payload)
        talk = f"{channel}:{thread}"
        with self._turn(talk):
            old = self._resume(talk) if thread != payload.body["event"]["ts"] else None
            reply = old.tell(text) if old is not None else self._begin(text, talk)
            poster.post(channel, thread, self._answer(reply, talk), _summary(reply))
            self._inbox.keep(talk, reply.conversation.to_json(), payload.key)

    def _overheard(self, payload: Payload) -> None:
        """A message in a channel for answers without a mention: silent unless it is a match."""
        channel, thread = _place(payload)
        text = plain(payload.body["event"].get("text", ""))
        try:
            answer = self._desk.live.advisor.ask(text)
        except BadQuestion:
            return
        if answer.verdict != "match":
            return
        talk = f"{channel}:{thread}"
        with self._turn(talk):
            reply = self._begin(text, talk)
            found = self._answer(reply, talk)
            Poster(self._client, payload).post(channel, thread, found, _summary(reply))
            self._inbox.keep(talk, reply.conversation.to_json(), payload.key)

    def _command(self, payload: Payload) -> None:
        text = plain(payload.body.get("text", ""))
        if not text or text == "help":
            whisper(self._client, payload.body, [rich(said(USAGE))], USAGE)
            return
        talk = f"{PRIVATE}{payload.key}"
        reply = self._begin(text, talk)
        share = block_kit.button("Share in channel", "share", t=talk)
        found = [
            *self._answer(reply, talk),
            {"type": "actions", "elements": [share]},
        ]
        self._inbox.keep(talk, reply.conversation.to_json())
        whisper(self._client, payload.body, found, _summary(reply))

    def _shortcut(self, payload: Payload) -> None:
        channel, thread = _place(payload)
        talk = f"{channel}:{thread}"
        with self._turn(talk):
            reply = self._begin(plain(written(payload.body["message"])), talk)
            found = self._answer(reply, talk)
            Poster(self._client, payload).post(channel, thread, found, _summary(reply))
            self._inbox.keep(talk, reply.conversation.to_json(), payload.key)

    def _action(self, payload: Payload) -> None:
        pressed = payload.body["actions"][0]
        name = pressed["action_id"]
        value = json.loads(pressed.get("value") or "{}")
        if value.get("t", "").startswith(PRIVATE) and not _is_private(payload):
            # It was shared: the channel's conversation is no longer that of who asked.
            value["t"] = ":".join(_place(payload))
        if name in ("helpful", "not_helpful"):
            self._vote(payload, value, name == "helpful")
        if name == "not_helpful":
            self._go_on(payload, value, lambda talk: talk.reject(value["e"]))
        elif name.startswith("more"):
            entry = self._desk.live.advisor.knowledge.get(value["e"])
            self._put(payload, entry_blocks(entry, self._settings), entry.title)
        elif name == "next_question":
            self._next_question(payload, value)
        elif name == "share":
            self._share(payload, value)
        elif name.startswith("answer_"):
            self._go_on(payload, value, lambda talk: talk.answer(value["q"], value["o"]))

    def _vote(self, payload: Payload, value: dict[str, str], helpful: bool) -> None:
        thanks, kept = "Thanks.", True
        if value.get("q") and self._desk.feedback is not None:
            person = payload.body.get("user", {}).get("id", "")
            try:
                self._desk.vote(value["q"], value["e"], helpful, person)
                thanks = "Thanks, noted."
            except UnknownName:
                # The question was deleted.
                pass
            except AdvisorError as error:
                self._desk.report(f"{error.message} The vote was not kept.")
                thanks, kept = "Thanks. Your vote could not be kept.", False
        if helpful or not kept:
            whisper(self._client, payload.body, [rich(said(thanks))], thanks)

    def _next_question(self, payload: Payload, value: dict[str, str]) -> None:
        talk = self._resume(value["t"])
        reply = talk.reply() if talk else None
        if reply is None:
            self._put(payload, [rich(said(OVER))], OVER)
        elif reply.ask is None:
            done = "There is no further question worth asking. Try the first check above."
            self._put(payload, [rich(said(done))], done)
        else:
            found = block_kit.question_blocks(reply.ask, value["t"])
            self._put(payload, found, reply.ask.text)

    def _go_on(
        self, payload: Payload, value: dict[str, str], turn: Callable[[Conversation], Reply]
    ) -> None:
        with self._turn(value["t"]):
            talk = self._resume(value["t"])
            if talk is None:
                self._put(payload, [rich(said(OVER))], OVER)
                return
            reply = turn(talk)
            found = block_kit.moved_blocks(reply, self._settings)
            found += body_blocks("Look-alikes", reply.look_elsewhere)
            if reply.ask is not None:
                found += block_kit.question_blocks(reply.ask, value["t"])
            else:
                # The others stand above, with what became of them.
                first = replace(reply.answer, matches=reply.answer.matches[:1])
                kept = self._question_id(value["t"])
                found += block_kit.answer_blocks(first, self._settings, kept, value["t"])
            self._put(payload, found, _summary(reply))
            self._inbox.keep(value["t"], reply.conversation.to_json(), payload.key)

    def _share(self, payload: Payload, value: dict[str, str]) -> None:
        """Post a private answer to its channel, as a message of its own with the question."""
        talk = self._resume(value["t"])
        reply = talk.reply() if talk else None
        if reply is None:
            self._put(payload, [rich(said(OVER))], OVER)
            return
        channel = payload.body["channel"]["id"]
        asked = rich(said(reply.answer.question, italic=True))
        found = [asked, *self._answer(reply, value["t"])]
        stamp = Poster(self._client, payload).post(channel, "", found, _summary(reply))
        self._inbox.keep(f"{channel}:{stamp}", reply.conversation.to_json(), payload.key)

    def _put(self, payload: Payload, found: list[Block], summary: str) -> None:
        """Answer where the button was: in its thread, or privately."""
        if _is_private(payload):
            whisper(self._client, payload.body, found, summary)
            return
        channel, thread = _place(payload)
        Poster(self._client, payload).post(channel, thread, found, summary)

    def _begin(self, text: str, talk: str) -> Reply:
        return self._desk.begin(text, question_id=self._question_id(talk))[0]

    def _answer(self, reply: Reply, talk: str) -> list[Block]:
        kept = self._question_id(talk)
        found = block_kit.answer_blocks(reply.answer, self._settings, kept, talk)
        return found + block_kit.next_blocks(reply.ask, talk)

    def _question_id(self, talk: str) -> str:
        """What to vote with: the same for all turns, and when a question is answered again.

        Made with the bot's token, so that nobody else can guess it.
        """
        if self._desk.feedback is None:
            return ""
        key = (self._client.token or "").encode()[:64]
        return hashlib.blake2b(talk.encode(), key=key, digest_size=8).hexdigest()

    def _resume(self, talk: str) -> Conversation | None:
        """The conversation, if it is kept, can be read, and has room for another turn."""
        state = self._inbox.conversation(talk)
        if state is None or len(state["turns"]) >= MAX_TURNS:
            return None
        try:
            return self._desk.resume(state)
        except BadQuestion:
            return None

    @contextmanager
    def _turn(self, talk: str) -> Iterator[None]:
        with self._locks[hash(talk) % LOCKS]:
            yield


def _place(payload: Payload) -> tuple[str, str]:
    """Channel and thread that a payload is to be answered in."""
    body = payload.body
    about = body.get("event") or body.get("message") or {}
    channel = body.get("channel") or about.get("channel") or {}
    if isinstance(channel, dict):
        channel = channel.get("id", "")
    container = body.get("container", {})
    thread = about.get("thread_ts") or about.get("ts") or ""
    return channel, thread or container.get("thread_ts") or container.get("message_ts", "")


def _is_private(payload: Payload) -> bool:
    """Whether a button was in an answer that one person sees."""
    return bool(payload.body.get("container", {}).get("is_ephemeral"))


def _summary(reply: Reply) -> str:
    return block_kit.summary(reply.answer)


def sentence_for(error: Exception) -> str:
    """What a person is told about a failure; never what Slack or a library said word for word."""
    if isinstance(error, BadQuestion):
        return f"{error.message} {EXAMPLE}"
    if isinstance(error, UnknownName):
        return f"{error.message} It is gone since that message was written."
    if isinstance(error, AdvisorError):
        return error.message
    return "Something broke here that should not. It is in the log of this bot; please report it."
