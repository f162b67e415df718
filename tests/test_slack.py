"""The Slack bot: real processes, real signatures, and a Slack on loopback."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SMALL_KB

pytest.importorskip("slack_bolt")
import httpx
import slack_api as slack
from servers import free_port, small_environment, wait_until
from slack_api import buttons, shown, until

from advisor.feedback import Feedback
from advisor.settings import Settings
from advisor.slack import blocks as block_kit
from advisor.slack import listeners, work
from advisor.slack.entry import body_blocks, entry_blocks
from advisor.slack.inbox import CONVERSATION_DAYS, DAY, KEYS_DAYS, Inbox
from advisor.slack.listeners import THREADS
from advisor.slack.poster import refusal, unreachable
from advisor.slack.run import MANIFEST, Options, _NoSecrets
from advisor.slack.text import escaped, pieces, plain, written

SETTINGS = Settings(kb=(), cache=Path())
FACE = "my gan paints one face"
# Quoted word for word, so a match for whatever ranker is fitted.
CERTAIN = "memory grows, then torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB"
VAGUE = "my loss is bad"
NONSENSE = "how do I centre a div in css"


@pytest.fixture
def api():
    made = slack.SlackApi()
    yield made
    made.close()


class Bot:
    """A process of `dladvisor slack --http`, and Slack's requests to it."""

    def __init__(self, api, folder, *arguments: str, **variables: str) -> None:
        self.api, self.folder, self.port = api, folder, free_port()
        self.arguments = ("--auto", "C0AUTO", *arguments)
        self.variables = variables
        self.log = folder / "slack.log"
        # Made once: a client of its own for each request costs more than the request.
        self.client = httpx.Client(timeout=20, limits=httpx.Limits(max_connections=100))
        self.start()

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "advisor", "slack", "--http", "--port", str(self.port)),
            *("--state", str(self.folder / "slack.sqlite"), "--api-url", self.api.url),
            *self.arguments,
        ]
        environment = small_environment(
            SLACK_BOT_TOKEN=slack.TOKEN, SLACK_SIGNING_SECRET=slack.SIGNING, **self.variables
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=ROOT
            )
        wait_until(self.alive, 180)

    def alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        return False

    def send(self, payload, at: float | None = None, **headers: str) -> httpx.Response:
        body, signed = slack.as_request(payload, at, **headers)
        return self.raw(body, signed)

    def raw(self, body: bytes, headers) -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}/slack/events"
        return self.client.post(address, content=body, headers=headers)

    def said(self, payload) -> dict:
        """What the bot posts to answer one payload."""
        before = len(self.api.posted)
        assert self.send(payload).status_code == 200
        until(lambda: len(self.api.posted) > before)
        return self.api.posted[-1]

    def stop(self) -> None:
        """SIGTERM."""
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture
def bot(api, tmp_path):
    made = Bot(api, tmp_path, DLADVISOR_FEEDBACK=str(tmp_path / "kept.sqlite"))
    yield made
    made.stop()
    made.client.close()


def thread_of(payload) -> str:
    return payload["event"]["ts"]


def test_a_mention_is_answered_in_its_thread(bot):
    asked = slack.mention(CERTAIN)
    message = bot.said(asked)
    assert (message["channel"], message["thread_ts"]) == ("C1", thread_of(asked))
    text = shown(message)
    assert block_kit.HEADLINES["match"] in text
    for part in ("Graphs kept alive", "Why  ", "Check  ", "Expect  ", "Fix  "):
        assert part in text
    assert {"helpful", "not_helpful", "more"} <= set(buttons(message))


def test_a_direct_message_is_answered_and_goes_on_in_its_thread(bot, api):
    asked = slack.event("message", "my loss is bad", channel="D1", channel_type="im")
    first = bot.said(asked)
    more = slack.event(
        "message",
        "memory grows every step",
        channel="D1",
        channel_type="im",
        thread_ts=thread_of(asked),
    )
    second = bot.said(more)
    assert second["thread_ts"] == first["thread_ts"] == thread_of(asked)
    # Both sentences count: the second turn goes on from the first.
    states = {json.loads(button["value"])["t"] for button in buttons(second).values()}
    assert states == {f"D1:{thread_of(asked)}"}
    assert "Graphs kept alive" in shown(second)


def test_when_nothing_fits_a_mention_is_told_so_and_shown_the_nearest(bot):
    message = bot.said(slack.mention(NONSENSE))
    assert block_kit.HEADLINES["none"] in shown(message)
    assert "Graphs kept alive" in shown(message)
    assert {"not_helpful", "more_1"} <= set(buttons(message))


def test_a_channel_for_answers_hears_matches_only(bot, api):
    for payload in (
        slack.event("message", NONSENSE, channel="C0AUTO"),
        slack.event("message", VAGUE, channel="C0AUTO"),
        slack.event("message", "123", channel="C0AUTO"),
        slack.event("message", CERTAIN, channel="C0OTHER"),
        slack.event("message", CERTAIN, channel="C0AUTO", bot_id="B9"),
        slack.event("message", CERTAIN, channel="C0AUTO", subtype="message_changed"),
        slack.event("message", f"<@{slack.BOT}> {CERTAIN}", channel="C0AUTO"),
        slack.event("message", CERTAIN, channel="C0AUTO", thread_ts="999.1"),
    ):
        assert bot.send(payload).status_code == 200
    asked = slack.event("message", CERTAIN, channel="C0AUTO")
    heard = bot.said(asked)
    assert (heard["channel"], heard["thread_ts"]) == ("C0AUTO", thread_of(asked))
    assert "Graphs kept alive" in shown(heard)
    # What came before was taken in before, and whatever it led to would be there by now.
    bot.said(slack.mention(FACE))
    time.sleep(1)
    assert len(api.posted) == 2


@pytest.mark.parametrize(
    ("bounds", "answers"), [((0.0, 0.0), 1), ((1.1, 0.0), 0), ((1.1, 1.05), 0)]
)
def test_what_is_overheard_is_answered_from_match_on(word_advisor, api, tmp_path, bounds, answers):
    """Unsure is not enough where nobody asked."""
    from dataclasses import replace

    from conftest import plain_ranker

    advisor = replace(word_advisor, ranker=plain_ranker(*bounds))
    with answering(advisor, api, tmp_path) as (answers_it, inbox):
        payload = slack.event("message", FACE, channel="C0AUTO")
        inbox.take_in("a", "overheard", payload)
        answers_it.answer(inbox.claim("a"))
    assert len(api.posted) == answers


def test_the_command_answers_privately_and_can_be_shared(bot, api, tmp_path):
    assert bot.send(slack.command(FACE, api.response_url())).status_code == 200
    until(lambda: api.whispered)
    private = api.whispered[0]
    assert private["response_type"] == "ephemeral"
    assert private["replace_original"] is False
    assert "Generator shows one sample" in shown(private)
    assert api.posted == []
    share = buttons(private)["share"]
    assert share["text"]["text"] == "Share in channel"
    message = bot.said(slack.press(share, api.response_url()))
    assert message["channel"] == "C1"
    assert "thread_ts" not in message
    assert FACE in shown(message)
    assert "Generator shows one sample" in shown(message)
    # The channel goes on from there, and whoever asked goes on alone.
    thread = message["ts"]
    more = bot.said(slack.mention("the loss rises too", thread_ts=thread))
    told = json.loads(buttons(more)["more"]["value"])["t"]
    assert told == f"C1:{thread}"
    rejected = bot.said(slack.press(buttons(message)["not_helpful"], api.response_url(), thread))
    assert "Less likely now: Generator shows one sample" in shown(rejected)
    api.whispered.clear()
    bot.send(slack.press(buttons(private)["not_helpful"], api.response_url()))
    until(lambda: api.whispered)
    state = turns_of(tmp_path, json.loads(share["value"])["t"])
    assert [turn["kind"] for turn in state] == ["tell", "reject"]
    state = turns_of(tmp_path, f"C1:{thread}")
    assert [turn["kind"] for turn in state] == ["tell", "tell", "reject"]


def turns_of(folder, talk: str):
    import sqlite3

    with contextlib.closing(sqlite3.connect(folder / "slack.sqlite")) as database:
        rows = database.execute("SELECT state FROM conversations WHERE key = ?", (talk,))
        return json.loads(rows.fetchone()[0])["turns"]


def test_the_command_without_words_says_how(bot, api):
    bot.send(slack.command("", api.response_url()))
    until(lambda: api.whispered)
    assert "/dladvisor loss becomes nan" in shown(api.whispered[0])


def test_the_shortcut_answers_in_the_messages_thread(bot, api):
    payload = slack.shortcut(f"anyone? {FACE} &amp; more", api.response_url())
    message = bot.said(payload)
    assert message["thread_ts"] == payload["message"]["ts"]


def test_the_shortcut_reads_what_a_program_posted(bot, api):
    payload = slack.shortcut("", api.response_url())
    payload["message"]["attachments"] = [{"title": "Run 7 &amp; 8", "fallback": FACE}]
    assert "Generator shows one sample" in shown(bot.said(payload))
    link = {"text": "a page's words", "title": "a page"}
    assert written({"text": FACE, "attachments": [link]}) == FACE
    assert written({"attachments": [link]}) == "a page\na page's words"
    assert written({}) == ""


def test_failures_are_told_and_never_swallowed(bot, api):
    api.errors["chat.postMessage"] = "not_in_channel"
    bot.send(slack.shortcut(FACE, api.response_url()))
    until(lambda: api.whispered)
    assert "/invite @dladvisor" in shown(api.whispered[0])
    del api.errors["chat.postMessage"]
    message = bot.said(slack.mention("123"))
    assert shown(message) == f"The question holds no words. {work.EXAMPLE}"
    gone = {**buttons(bot.said(slack.mention(FACE)))["more"], "value": '{"t": "x", "e": "away"}'}
    api.whispered.clear()
    bot.send(slack.press(gone, api.response_url(), "1000.1"))
    until(lambda: api.whispered)
    assert "'away'. It is gone since" in shown(api.whispered[0])
    assert "dladvisor list" not in shown(api.whispered[0])


def test_a_private_answer_whose_address_is_too_old_still_arrives(bot, api):
    api.respond_status = 404
    bot.send(slack.command(FACE, api.response_url()))
    until(lambda: api.whispered)
    (message,) = api.whispered
    assert (message["channel"], message["user"]) == ("C1", "U0ANN")
    assert "Generator shows one sample" in shown(message)
    assert api.posted == []


def test_when_slack_cannot_be_reached_it_is_tried_again(api, tmp_path, monkeypatch):
    tried: list[int] = []
    told: list[str] = []

    class Unreachable:
        def answer(self, payload) -> None:
            tried.append(payload.tries)
            raise ConnectionError

        def tell_failure(self, _payload, sentence: str) -> None:
            told.append(sentence)

    monkeypatch.setattr(listeners, "LONGEST_PAUSE_SECONDS", 0.01)
    inbox = Inbox(tmp_path / "i.sqlite")
    inbox.take_in("a", "mention", {})
    workers = listeners.Workers(inbox, Unreachable())
    workers.start()
    until(lambda: not inbox.waiting())
    workers.stop()
    inbox.close()
    assert tried == list(range(1, listeners.MOST_TRIES + 1))
    assert len(told) == 1


def test_while_slack_is_down_nothing_is_lost_also_across_a_restart(bot, api, tmp_path):
    api.down = True
    asked = slack.mention(FACE)
    assert bot.send(asked).status_code == 200
    until(lambda: "cannot answer yet" in bot.log.read_text())
    bot.stop()
    api.down = False
    bot.start()
    until(lambda: api.posted)
    assert "Generator shows one sample" in shown(api.posted[0])
    late = slack.mention("loss climbs like a rocket")
    api.down = True
    bot.send(late)
    until(lambda: bot.log.read_text().count("cannot answer yet") == 2)
    api.down = False
    until(lambda: len(api.posted) == 2)
    assert api.keys() == [asked["event_id"], late["event_id"]]
    # Each was answered twice at least, and is one question.
    assert len(Feedback(tmp_path / "kept.sqlite", 30).questions()) == 2


@pytest.mark.parametrize(
    ("status", "reason", "word"),
    [
        (200, "not_in_channel", "not_in_channel"),
        (500, "internal_error", ""),
        (429, "ratelimited", ""),
        (200, "Received a response in a non-JSON format: <html>", ""),
    ],
)
def test_a_refusal_is_told_from_a_slack_that_is_down(status, reason, word):
    from types import SimpleNamespace

    from slack_sdk.errors import SlackApiError

    response = SimpleNamespace(status_code=status, get=lambda *_: reason)
    error = SlackApiError("x", response)
    assert (refusal(error), unreachable(error)) == (word, not word)
    assert not unreachable(PermissionError())


def test_what_fails_while_the_bot_ends_is_left_for_the_next_one(tmp_path):
    begun = threading.Event()

    class Unreachable:
        def answer(self, _payload) -> None:
            begun.set()
            until(workers._stopping.is_set)
            raise ConnectionError

        def tell_failure(self, *_) -> None:
            raise AssertionError

    inbox = Inbox(tmp_path / "i.sqlite")
    workers = listeners.Workers(inbox, Unreachable())
    inbox.take_in("a", "mention", {})
    workers.start()
    assert begun.wait(20)
    workers.stop()
    assert inbox.waiting() == ["a"]
    inbox.close()


@contextlib.contextmanager
def answering(advisor, api, folder):
    """What answers payloads, in this process, and its inbox."""
    from slack_sdk import WebClient

    from advisor.desk import Desk
    from advisor.slack.work import Answering

    class Still:
        settings = advisor.settings

    Still.advisor = advisor
    inbox = Inbox(folder / "i.sqlite")
    desk = Desk(Still(), "slack", None, lambda _: None)
    yield Answering(desk, inbox, WebClient(slack.TOKEN, base_url=api.url)), inbox
    inbox.close()


def test_a_turn_is_kept_in_one_step_with_its_payload(word_advisor, api, tmp_path):
    """Killed between the two, it would be taken a second time after the restart."""
    with answering(word_advisor, api, tmp_path) as (answers_it, inbox):
        turns_are_kept(answers_it, inbox, api)


def turns_are_kept(answers_it, inbox, api) -> None:
    def answered(kind: str, payload) -> None:
        key = f"key {len(api.posted)}"
        inbox.take_in(key, kind, payload)
        claimed = inbox.claim(key)
        answers_it.answer(claimed)
        # Nobody has called `done`.
        assert inbox.claim(key) is None

    asked = slack.mention("something is wrong with it")
    answered("mention", asked)
    rejected = buttons(api.posted[0])["not_helpful"]
    answered("action", slack.press(rejected, api.response_url(), thread_of(asked)))
    answered("mention", slack.mention("memory grows every step", thread_ts=thread_of(asked)))
    # The plain ranker is sure of what someone typed word for word.
    answered("overheard", slack.event("message", "loss climbs like a rocket", channel="C0AUTO"))
    answered("shortcut", slack.shortcut(FACE, api.response_url()))
    turns = inbox.conversation(f"C1:{thread_of(asked)}")["turns"]
    assert [turn["kind"] for turn in turns] == ["tell", "reject", "tell"]


def test_what_moved_leaves_hopeless_entries_out(word_advisor):
    from dataclasses import replace

    from advisor.conversation import Conversation

    talk = Conversation.start(word_advisor).tell("memory grows every step").conversation
    reply = talk.reject("flat-loss")
    first, second, *_ = reply.answer.matches
    hopeless = replace(second, probability=0.001)
    told = replace(reply, answer=replace(reply.answer, matches=(first, hopeless)), moves=())
    assert second.entry.title not in shown({"blocks": block_kit.moved_blocks(told, SETTINGS)})
    answer = replace(told.answer, verdict="match")
    assert second.entry.title not in shown(
        {"blocks": block_kit.answer_blocks(answer, SETTINGS, "", "t")}
    )
    nothing = replace(answer, verdict="none")
    assert second.entry.title in shown(
        {"blocks": block_kit.answer_blocks(nothing, SETTINGS, "", "t")}
    )


def test_the_conversation_goes_on_in_the_thread(bot, api):
    asked = slack.mention("something is wrong with it")
    first = bot.said(asked)
    thread = thread_of(asked)
    question = bot.said(slack.press(buttons(first)["next_question"], api.response_url(), thread))
    assert question["thread_ts"] == thread
    answers = [name for name in buttons(question) if name.startswith("answer_")]
    assert len(answers) >= 2
    bot.stop()
    bot.start()
    after = bot.said(slack.press(buttons(question)["answer_0"], api.response_url(), thread))
    assert "What it may be now" in shown(after)
    assert "was " in shown(after)


def test_votes_are_kept_once_a_person_and_rejecting_goes_on(bot, api, tmp_path):
    asked = slack.mention(FACE)
    first = bot.said(asked)
    for user in ("U0ANN", "U0ANN", "U0BOB"):
        api.whispered.clear()
        bot.send(slack.press(buttons(first)["helpful"], api.response_url(), thread_of(asked), user))
        until(lambda: api.whispered)
    store = Feedback(tmp_path / "kept.sqlite", 30)
    assert store.questions()[0].helpful == {"same-face": 2}
    assert store.questions()[0].surface == "slack"
    press = slack.press(buttons(first)["not_helpful"], api.response_url(), thread_of(asked))
    after = bot.said(press)
    assert "What it may be now" in shown(after)
    kept = store.questions()[0]
    assert (kept.helpful, kept.not_helpful) == ({"same-face": 1}, {"same-face": 1})
    assert b"U0ANN" not in (tmp_path / "kept.sqlite").read_bytes()


def test_a_vote_on_what_was_deleted_costs_no_turn(bot, api, tmp_path):
    asked = slack.mention(FACE)
    first = bot.said(asked)
    assert Feedback(tmp_path / "kept.sqlite", 30).forget_all() == 1
    after = bot.said(
        slack.press(buttons(first)["not_helpful"], api.response_url(), thread_of(asked))
    )
    assert "What it may be now" in shown(after)
    assert api.whispered == []
    bot.send(slack.press(buttons(first)["helpful"], api.response_url(), thread_of(asked)))
    until(lambda: api.whispered)
    assert shown(api.whispered[0]) == "Thanks."


def test_a_vote_that_cannot_be_kept_is_told_and_costs_no_turn(bot, api, tmp_path):
    asked = slack.mention(FACE)
    first = bot.said(asked)
    (tmp_path / "kept.sqlite").write_text("no database " * 200)
    after = bot.said(
        slack.press(buttons(first)["not_helpful"], api.response_url(), thread_of(asked))
    )
    assert "What it may be now" in shown(after)
    assert "could not be kept" in shown(api.whispered[0])


def test_votes_count_in_later_turns_too(bot, api, tmp_path):
    asked = slack.mention(FACE)
    bot.said(asked)
    later = bot.said(slack.mention("all digits are seven", thread_ts=thread_of(asked)))
    bot.send(slack.press(buttons(later)["helpful"], api.response_url(), thread_of(asked)))
    until(lambda: api.whispered)
    (kept,) = Feedback(tmp_path / "kept.sqlite", 30).questions()
    assert (kept.question, kept.helpful) == (FACE, {"same-face": 1})
    assert slack.TOKEN not in kept.id


def test_a_conversation_that_is_too_long_begins_anew(word_advisor, api, tmp_path):
    from advisor.desk import MAX_TURNS

    with answering(word_advisor, api, tmp_path) as (answers_it, inbox):
        for number in range(MAX_TURNS + 1):
            key = f"key {number}"
            inbox.take_in(key, "mention", slack.mention(f"{FACE} {number}", thread_ts="1.1"))
            answers_it.answer(inbox.claim(key))
        assert len(inbox.conversation("C1:1.1")["turns"]) == 1
        # What an older version kept and this one cannot read is no reason to fail either.
        inbox.keep("C1:1.1", {"schema": 0, "turns": [{}]})
        inbox.take_in("last", "mention", slack.mention(FACE, thread_ts="1.1"))
        answers_it.answer(inbox.claim("last"))
    assert FACE in api.posted[-1]["text"] or "Generator" in shown(api.posted[-1])


def test_more_shows_the_whole_entry(bot, api):
    asked = slack.mention(FACE)
    first = bot.said(asked)
    bot.send(slack.press(buttons(first)["more"], api.response_url(), thread_of(asked)))
    until(lambda: len(api.posted) > 1)
    whole = "".join(shown(message) for message in api.posted[1:])
    assert "Draw 100 samples" in whole
    for heading in ("Check first", "Fix", "Do not, when", "What people see", "Why", "Sources"):
        assert heading in whole


def test_an_entry_is_written_as_slack_shows_it(small_knowledge):
    """Slack reads no Markdown in blocks: its marks would be shown as they are."""
    from dataclasses import replace

    entry = replace(
        small_knowledge.get("same-face"),
        cause="`z` is ignored, as a_b & <c> show.",
        why="One *word* and `code`,\non two lines. **Loud**. See [there](https://a.example/x).\n\n"
        "- 2 * 3 * 4\n- [not](javascript:x)",
        example="```python\na * b * c\n```",
        contradicts=("flat-loss",),
        messages=("RuntimeError: x",),
    )
    made = entry_blocks(entry, SETTINGS)
    assert slack.wrong_blocks(made) == ""
    seen = "\n".join("".join(slack.strings(block)) for block in made)
    assert "z is ignored, as a_b & <c> show." in seen
    assert "One word and code, on two lines. Loud. See " in seen
    assert "• 2 * 3 * 4\n• [not](javascript:x)" in seen
    assert "Contradicts\nflat-loss" in seen
    styles = {
        element["text"]: set(element.get("style", ()))
        for element in elements({"blocks": made})
        if element.get("style")
    }
    assert styles["word"] == {"italic"}
    assert styles["Loud"] == {"bold"}
    assert styles["code"] == styles["z"] == styles["RuntimeError: x"] == {"code"}
    addresses = {element.get("url") for element in elements({"blocks": made})} - {None}
    assert addresses == {"https://a.example/x", *(source.url for source in entry.sources)}
    (code,) = [
        section
        for block in made
        for section in block["elements"]
        if section["type"] == "rich_text_preformatted"
    ]
    assert code["elements"][0]["text"] == "a * b * c"


def test_every_entry_here_fits_into_few_messages():
    from conftest import KB

    from advisor.knowledge import load

    for entry in load([KB]):
        messages = block_kit.split_messages(entry_blocks(entry, SETTINGS))
        assert [slack.wrong_blocks(message) for message in messages] == [""] * len(messages)
        # A response_url is good for five.
        assert len(messages) <= 3


HOSTILE = (
    "<!channel> <@U123> *bold* _it_ `code` <https://evil.example|click> &lt;!here&gt; loss nan"
)


def test_what_people_write_never_becomes_markup_or_a_mention(bot, api):
    bot.send(slack.command(HOSTILE, api.response_url()))
    until(lambda: api.whispered)
    message = bot.said(slack.press(buttons(api.whispered[0])["share"], api.response_url()))
    for part in (message, api.whispered[0]):
        assert not any(mark in part["text"] for mark in ("<", ">"))
        kinds = {element["type"] for element in elements(part)}
        assert kinds <= {"text", "link"}
        assert all("evil" not in element.get("url", "") for element in elements(part))
    assert "*bold* _it_" in shown(message)
    assert "<!here>" in shown(message)  # as text in a text element, which Slack does not read


def elements(message):
    for block in message["blocks"]:
        if block["type"] == "rich_text":
            for section in block["elements"]:
                yield from section["elements"]


def test_bad_signatures_old_requests_and_replays_are_refused(bot, api):
    body, headers = slack.as_request(slack.mention(FACE))
    wrong = {**headers, "x-slack-signature": "v0=" + "0" * 64}
    assert bot.raw(body, wrong).status_code == 401
    assert bot.raw(body + b" ", headers).status_code == 401
    without = {key: value for key, value in headers.items() if key != "x-slack-signature"}
    assert bot.raw(body, without).status_code == 401
    for seconds in (-600, 600):
        assert bot.send(slack.mention(FACE), at=time.time() + seconds).status_code == 401
    assert bot.raw(body, {**headers, "x-slack-request-timestamp": "soon"}).status_code == 401
    assert api.posted == []
    assert bot.raw(body, headers).status_code == 200
    assert bot.raw(body, headers).status_code == 401
    until(lambda: api.posted)
    time.sleep(1)
    assert len(api.posted) == 1


def test_a_retry_is_answered_once_also_across_a_restart(bot, api):
    asked = slack.mention(FACE)
    bot.said(asked)
    again = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}
    assert bot.send(asked, at=time.time() - 20, **again).status_code == 200
    bot.stop()
    bot.start()
    assert bot.send(asked, at=time.time() - 40, **again).status_code == 200
    bot.said(slack.mention("loss is nan"))
    assert api.keys().count(asked["event_id"]) == 1


def test_the_acknowledgement_waits_for_no_answer(bot, api):
    """Slack gives up after three seconds: what takes time must come after."""
    first = bot.said(slack.mention("something is wrong with it"))
    question = buttons(first)["next_question"]
    api.going.clear()
    mentions = [slack.mention(f"{FACE} number {number}") for number in range(THREADS)]
    for payload in mentions:
        assert bot.send(payload).status_code == 200
    until(lambda: api.held == THREADS)
    # Every thread that answers now waits for Slack, and none will be free: an acknowledgement
    # that waited for an answer would not come.
    late = [
        slack.mention(FACE),
        slack.event("message", FACE, channel="D1", channel_type="im"),
        slack.command(FACE, api.response_url()),
        slack.shortcut(FACE, api.response_url()),
        slack.press(question, api.response_url(), "1000.1"),
    ]
    for payload in late:
        assert bot.send(payload).status_code == 200
    assert len(api.posted) == 1
    assert api.whispered == []
    api.going.set()
    until(lambda: len(api.posted) == 1 + THREADS + 4)
    until(lambda: len(api.whispered) == 1)


def test_no_answer_is_begun_while_a_payload_arrives(tmp_path):
    begun = threading.Event()

    class Answers:
        def answer(self, _payload) -> None:
            begun.set()

    inbox = Inbox(tmp_path / "i.sqlite")
    workers = listeners.Workers(inbox, Answers())
    workers.start()
    with workers.arriving():
        inbox.take_in("a", "mention", {})
        workers.put("a")
        assert not begun.wait(0.5)
    assert begun.wait(20)
    workers.stop()
    inbox.close()


def send_at_once(bot, payloads) -> list[int]:
    def send(payload) -> int:
        try:
            return bot.send(payload).status_code
        except httpx.HTTPError:
            return 0

    with ThreadPoolExecutor(40) as pool:
        return list(pool.map(send, payloads))


def test_200_events_at_once_are_all_answered_once(bot, api):
    payloads = [slack.mention(f"{FACE} number {number}") for number in range(200)]
    assert send_at_once(bot, payloads) == [200] * 200
    until(lambda: len(api.posted) >= 200, 120)
    time.sleep(1)
    assert sorted(api.keys()) == sorted(payload["event_id"] for payload in payloads)


def test_kill_9_in_the_middle_loses_and_doubles_nothing(bot, api):
    api.delay = 0.2
    payloads = [slack.mention(f"{FACE} number {number}") for number in range(60)]
    acknowledged: list[int] = []
    sending = threading.Thread(target=lambda: acknowledged.extend(send_at_once(bot, payloads)))
    sending.start()
    until(lambda: len(api.posted) >= 15, 60)
    os.kill(bot.process.pid, signal.SIGKILL)
    bot.process.wait()
    sending.join()
    assert len(api.posted) < 60
    bot.start()
    # Slack sends again what was not acknowledged.
    for payload, status in zip(payloads, acknowledged):
        if status != 200:
            assert bot.send(payload, at=time.time() - 5).status_code == 200
    until(lambda: len(set(api.keys())) == 60, 120)
    time.sleep(1)
    assert sorted(api.keys()) == sorted(payload["event_id"] for payload in payloads)


def test_secrets_and_questions_never_reach_the_log(bot, api):
    api.errors["chat.postMessage"] = "internal_error"
    bot.send(slack.mention("zebra loss is nan"))
    api.errors["conversations.replies"] = "missing_scope"
    bot.send(slack.command("zebra nan", api.response_url()))
    until(lambda: api.whispered)
    bot.raw(b"{", slack.signed(b"{", "application/json"))
    bot.stop()
    log = bot.log.read_text()
    assert "internal_error" in log
    for secret in (slack.TOKEN, slack.SIGNING, "zebra"):
        assert secret not in log
    bot.start()


def test_whatever_a_library_logs_loses_its_secrets():
    options = Options(SETTINGS, Path(), slack.TOKEN, slack.APP_TOKEN, slack.SIGNING)
    line = f"sent {slack.TOKEN} %s {slack.APP_TOKEN}"
    record = logging.LogRecord("slack_sdk", 30, "", 0, line, (slack.SIGNING,), None)
    assert _NoSecrets(options).filter(record)
    told = record.getMessage()
    assert told.startswith("sent ")
    assert not any(secret in told for secret in (slack.TOKEN, slack.APP_TOKEN, slack.SIGNING))


def test_two_bots_cannot_share_one_file(bot, run_cli, api, tmp_path):
    done = run_cli(
        *("slack", "--http", "--port", str(free_port()), "--api-url", api.url),
        *("--state", str(tmp_path / "slack.sqlite")),
        SLACK_BOT_TOKEN=slack.TOKEN,
        SLACK_SIGNING_SECRET=slack.SIGNING,
    )
    assert done.returncode == 1
    assert "Another dladvisor" in done.stderr


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": slack.TOKEN}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": slack.APP_TOKEN, "SLACK_APP_TOKEN": slack.TOKEN}, "swapped"),
    ],
)
def test_missing_and_swapped_tokens_are_told_without_showing_them(run_cli, variables, told):
    done = run_cli("slack", **variables)
    assert done.returncode == 2
    assert told in done.stderr
    assert slack.TOKEN not in done.stderr


def test_a_token_that_slack_refuses_is_told(run_cli, api):
    wrong = slack.TOKEN + "x"
    done = run_cli(
        "slack",
        SLACK_BOT_TOKEN=wrong,
        SLACK_APP_TOKEN=slack.APP_TOKEN,
        DLADVISOR_SLACK_API_URL=api.url,
    )
    assert done.returncode == 1
    assert "invalid_auth" in done.stderr
    assert wrong not in done.stderr


def test_an_app_token_that_slack_refuses_is_told(run_cli, api, tmp_path):
    wrong = slack.APP_TOKEN + "x"
    done = run_cli(
        *("slack", "--api-url", api.url, "--state", str(tmp_path / "slack.sqlite")),
        SLACK_BOT_TOKEN=slack.TOKEN,
        SLACK_APP_TOKEN=wrong,
    )
    assert done.returncode == 1
    assert "Slack refuses the app's token: invalid_auth." in done.stderr
    assert "connected" not in done.stderr
    assert "DEBUG" not in done.stderr
    assert wrong not in done.stderr


def test_connected_is_said_when_it_is(api, tmp_path):
    api.socket_url = f"ws://127.0.0.1:{free_port()}/"
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "advisor", "slack", "--api-url", api.url),
                *("--state", str(tmp_path / "slack.sqlite")),
            ],
            env=small_environment(SLACK_BOT_TOKEN=slack.TOKEN, SLACK_APP_TOKEN=slack.APP_TOKEN),
            stderr=out,
            cwd=ROOT,
        )
    try:
        until(lambda: "not connected yet" in log.read_text(), 180)
        time.sleep(1)
        assert "connected to Slack" not in log.read_text()
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_a_slack_that_is_down_is_told_at_the_start(run_cli, api, tmp_path):
    api.down = True
    done = run_cli(
        *("slack", "--api-url", api.url, "--state", str(tmp_path / "slack.sqlite")),
        SLACK_BOT_TOKEN=slack.TOKEN,
        SLACK_APP_TOKEN=slack.APP_TOKEN,
    )
    assert done.returncode == 1
    assert "Slack cannot be reached at" in done.stderr


def test_a_channel_is_named_by_its_id(run_cli):
    done = run_cli(
        *("slack", "--auto", "#help"), SLACK_BOT_TOKEN=slack.TOKEN, SLACK_APP_TOKEN=slack.APP_TOKEN
    )
    assert done.returncode == 2
    assert "#help is no channel's id" in done.stderr


def test_socket_mode_acknowledges_answers_and_takes_a_redelivery_once(api, tmp_path):
    from websockets.sync.server import serve

    connected = threading.Event()
    acknowledged: set[str] = set()
    sockets = []

    def slack_side(connection) -> None:
        sockets.append(connection)
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        connected.set()
        for line in connection:
            with contextlib.suppress(ValueError):
                acknowledged.add(json.loads(line)["envelope_id"])

    with serve(slack_side, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api.socket_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "advisor", "slack", "--api-url", api.url),
                *("--state", str(tmp_path / "slack.sqlite")),
            ],
            env=small_environment(SLACK_BOT_TOKEN=slack.TOKEN, SLACK_APP_TOKEN=slack.APP_TOKEN),
            cwd=ROOT,
        )
        try:
            assert connected.wait(180)

            def send(envelope: str, kind: str, payload) -> None:
                body = {"envelope_id": envelope, "type": kind, "payload": payload}
                sockets[-1].send(json.dumps({**body, "accepts_response_payload": False}))
                until(lambda: envelope in acknowledged, 30)

            # Nothing can be posted, and all the same each is acknowledged.
            api.going.clear()
            asked = slack.mention(FACE)
            send("e1", "events_api", asked)
            send("e2", "events_api", asked)
            send("e3", "slash_commands", slack.command(FACE, api.response_url()))
            assert api.posted == []
            api.going.set()
            until(lambda: api.posted and api.whispered)
            press = slack.press(
                buttons(api.posted[0])["not_helpful"], api.response_url(), thread_of(asked)
            )
            send("e4", "interactive", press)
            until(lambda: len(api.posted) == 2)
            time.sleep(0.5)
            assert api.keys() == [asked["event_id"], press["trigger_id"]]
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0
            server.shutdown()


def test_the_manifest_fits_the_listeners(run_cli):
    text = run_cli("slack", "--manifest").stdout
    assert text == MANIFEST.read_text()
    manifest = yaml.safe_load(text)
    features, settings = manifest["features"], manifest["settings"]
    assert [item["command"] for item in features["slash_commands"]] == [listeners.COMMAND]
    assert [(item["callback_id"], item["type"]) for item in features["shortcuts"]] == [
        (listeners.SHORTCUT, "message")
    ]
    assert features["shortcuts"][0]["name"] == "What could this be?"
    assert settings["interactivity"]["is_enabled"] is True
    assert settings["socket_mode_enabled"] is True
    # What each event and call needs, by Slack's documentation.
    needs = {
        "app_mention": "app_mentions:read",
        "message.channels": "channels:history",
        "message.groups": "groups:history",
        "message.im": "im:history",
    }
    events = settings["event_subscriptions"]["bot_events"]
    assert {name.partition(".")[0] for name in events} == {"app_mention", "message"}
    scopes = {needs[name] for name in events} | {"chat:write", "commands"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == scopes


def test_every_button_has_a_listener(word_advisor):
    from advisor.conversation import Conversation

    reply = Conversation.start(word_advisor).tell("something is wrong")
    assert reply.ask
    made = [
        *block_kit.answer_blocks(reply.answer, word_advisor.settings, "q", "t"),
        *block_kit.next_blocks(reply.ask, "t"),
        *block_kit.question_blocks(reply.ask, "t"),
    ]
    names = [
        button["action_id"]
        for block in made
        if block["type"] == "actions"
        for button in block["elements"]
    ]
    assert names
    assert all(listeners.ACTIONS.match(name) for name in names)


def test_long_text_is_split_within_slacks_limits():
    text = "word " * 9000 + "x" * 7000
    assert "".join(pieces(text, 2900)) == text
    assert max(map(len, pieces(text, 2900))) <= 2900
    messages = block_kit.split_messages(
        body_blocks("Why", f"{text}\n\n```python\n{'a' * 7000}\n```")
    )
    assert len(messages) > 1
    assert all(slack.wrong_blocks(message) == "" for message in messages)
    many = [block_kit.rich(block_kit.said("x"))] * 120
    assert [len(message) for message in block_kit.split_messages(many)] == [45, 45, 30]


def test_an_answer_links_to_the_teams_site(word_advisor):
    from dataclasses import replace

    site = replace(word_advisor.settings, site="https://docs.example/")
    advisor = replace(word_advisor, settings=site)
    made = block_kit.answer_blocks(advisor.ask(FACE), site, "", "t")
    assert "https://docs.example/kb/same-face/" in set(slack.strings(made))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("<@U0BOT> loss is nan", "loss is nan"),
        (
            "see <https://a.example/x|the log> and <#C1|general>",
            "see https://a.example/x and #general",
        ),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("<!channel> help <!subteam^S1|@ml>", "help"),
    ],
)
def test_text_from_slack_is_read_as_typed(typed, read):
    assert " ".join(plain(typed).split()) == read


def test_notifications_cannot_mention():
    assert escaped("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


def test_the_inbox_forgets_old_keys_and_keeps_young_ones(tmp_path):
    clock = [0.0]
    inbox = Inbox(tmp_path / "i.sqlite", lambda: clock[0])
    assert inbox.take_in("a", "mention", {"x": 1})
    assert not inbox.take_in("a", "mention", {"x": 1})
    assert inbox.waiting() == ["a"]
    payload = inbox.claim("a")
    assert payload is not None
    assert (payload.body, payload.tries) == ({"x": 1}, 1)
    assert inbox.claim("a").tries == 2
    inbox.done("a")
    assert inbox.claim("a") is None
    assert inbox.waiting() == []
    clock[0] += KEYS_DAYS * DAY - 1
    assert not inbox.take_in("a", "mention", {})
    clock[0] += 2
    assert inbox.take_in("b", "mention", {})
    assert inbox.take_in("a", "mention", {})
    inbox.keep("talk", {"turns": []})
    clock[0] += CONVERSATION_DAYS * DAY - 1
    inbox.take_in("c", "mention", {})
    assert inbox.conversation("talk") == {"turns": []}
    clock[0] += 2
    inbox.take_in("d", "mention", {})
    assert inbox.conversation("talk") is None
    inbox.close()


def test_entries_change_without_a_restart_and_a_broken_one_stays_as_it_was(api, tmp_path):
    kb = shutil.copytree(SMALL_KB, tmp_path / "kb")
    rocket = (kb / "rocket-loss.md").read_text()
    title = next(line for line in rocket.splitlines() if line.startswith("title: "))
    bot = Bot(api, tmp_path, DLADVISOR_KB=str(kb))
    try:
        (kb / "same-face.md").write_text("---\ntitle: half a sen")
        (kb / "rocket-loss.md").write_text(rocket.replace(title, "title: A step too far"))
        until(lambda: "Kept as it last was" in bot.log.read_text())
        assert "same-face.md:1: KB" in bot.log.read_text()
        assert "Generator shows one sample" in shown(bot.said(slack.mention(FACE)))
        assert "A step too far" in shown(bot.said(slack.mention("loss climbs like a rocket")))
        # A new process never saw it whole: it says so, and the others answer.
        bot.stop()
        bot.start()
        told = bot.log.read_text().rpartition("Kept as it last was")[2]
        assert "Left out: " in told
        assert "same-face.md:1: KB" in told
        assert "Generator shows one sample" not in shown(bot.said(slack.mention(FACE)))
        assert "A step too far" in shown(bot.said(slack.mention("loss climbs like a rocket")))
    finally:
        bot.stop()
        bot.client.close()


def test_a_message_in_the_inbox_is_gone_after_the_answer(bot, api, tmp_path):
    bot.said(slack.mention("zebra loss is nan"))
    wait_until(lambda: b"zebra" not in inbox_bytes(tmp_path), 10)
    assert (tmp_path / "slack.sqlite").stat().st_mode & 0o077 == 0


def inbox_bytes(folder) -> bytes:
    import sqlite3

    with contextlib.closing(sqlite3.connect(folder / "slack.sqlite")) as database:
        rows = database.execute("SELECT body FROM payloads WHERE body IS NOT NULL").fetchall()
    return repr(rows).encode()


def test_without_the_extra_the_install_line_is_told(run_cli, tmp_path):
    (tmp_path / "slack_bolt").mkdir()
    (tmp_path / "slack_bolt" / "__init__.py").write_text("raise ImportError")
    done = run_cli(
        "slack",
        PYTHONPATH=str(tmp_path),
        SLACK_BOT_TOKEN=slack.TOKEN,
        SLACK_APP_TOKEN=slack.APP_TOKEN,
    )
    assert done.returncode == 1
    assert "pip install '.[slack]'" in done.stderr
