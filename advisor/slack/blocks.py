"""Answers and questions as Block Kit.

All text is in rich_text and plain_text elements, which Slack shows as they are: nothing that a
person or an entry says can become markup or a mention.
"""

from __future__ import annotations

import json
import re
from typing import Any

from advisor.entry import Entry
from advisor.reply import Ask, Reply
from advisor.results import Answer, Match, in_words
from advisor.safe_text import printable
from advisor.settings import Settings
from advisor.slack.text import short

Block = dict[str, Any]
# Slack's limits: 3,000 characters in a text, 50 blocks and some 13,000 characters in a message,
# 75 in a button's label, 2,000 in its value.
MAX_TEXT = 2900
MAX_BLOCKS = 45
MAX_MESSAGE = 11_000
MAX_LABEL = 75
# Less than this is shown as 0%: such entries are worth a line only where nothing fits better.
SHOWN_FROM = 0.005
# Matches shown with check and remedy, if they are this probable; the others get one line each.
WHOLE, WHOLE_FROM = 2, 0.1
_CODE = re.compile(r"`([^`\n]+)`")

HEADLINES = {
    "match": "What fits best",
    "unsure": "Not sure. The nearest entries, none of them certain:",
    "none": "Nothing here fits that. The nearest entries, probably not your problem:",
}


def rich(*elements: Block) -> Block:
    """A block of text elements; Slack takes no empty ones."""
    shown = [element for element in elements if element["text"]]
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": shown}],
    }


def said(text: str, **style: bool) -> Block:
    """A text element, shown exactly as it is."""
    element: Block = {"type": "text", "text": printable(text)}
    return {**element, "style": style} if style else element


def prose(text: str) -> list[Block]:
    """An entry's sentence; `code` in backticks becomes code."""
    parts = _CODE.split(" ".join(text.split()))
    found = [said(part, **({"code": True} if odd % 2 else {})) for odd, part in enumerate(parts)]
    return [element for element in found if element["text"]]


def button(label: str, action: str, style: str = "", **value: str) -> Block:
    """A button; `value` comes back when it is pressed."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": short(label, MAX_LABEL), "emoji": False},
        "action_id": action,
        "value": json.dumps(value),
    }
    return {**made, "style": style} if style else made


def answer_blocks(answer: Answer, settings: Settings, question_id: str, talk: str) -> list[Block]:
    """The verdict and the matches; `talk` is the key of the conversation."""
    blocks = [rich(said(HEADLINES[answer.verdict], bold=True))]
    if answer.note:
        blocks.append(rich(said(answer.note)))
    whole = 0
    if answer.verdict != "none":
        worthy = [match.probability >= WHOLE_FROM for match in answer.matches[:WHOLE]]
        whole = max(1, sum(worthy))
    for rank, match in enumerate(answer.matches, start=1):
        if rank <= whole:
            blocks += _match_blocks(rank, match, settings, question_id, talk)
    rest = [
        (rank, match)
        for rank, match in list(enumerate(answer.matches, start=1))[whole:]
        if match.probability >= SHOWN_FROM or answer.verdict == "none"
    ]
    if rest:
        lines: list[Block] = []
        for rank, match in rest:
            lines += [said(f"\n{rank}  " if lines else f"{rank}  ")]
            lines += [title(match.entry, settings), said(f"  {_chance(match)}")]
        blocks.append(rich(*lines))
        value = {"t": talk, "q": question_id}
        row = [
            button(f"More on {rank}", f"more_{rank}", **value, e=match.entry.id)
            for rank, match in rest
        ]
        if not whole:
            first = answer.matches[0].entry.id
            row.insert(0, button("Not helpful", "not_helpful", **value, e=first))
        blocks.append({"type": "actions", "elements": row})
    return blocks


def _match_blocks(
    rank: int, match: Match, settings: Settings, question_id: str, talk: str
) -> list[Block]:
    entry = match.entry
    lines = [said(f"{rank}  "), title(entry, settings), said(f"  {_chance(match)}\n")]
    for name, text in (
        ("Why", "; ".join(match.why)),
        ("Cause", entry.cause),
        ("Check", entry.checks[0].do),
        ("Expect", entry.checks[0].expect),
        ("Fix", entry.remedies[0].do),
    ):
        spans = [said(short(text, 500))] if name == "Why" else prose(text)
        lines += [said(f"{name}  ", bold=True), *spans, said("\n")]
    value = {"t": talk, "q": question_id, "e": entry.id}
    row = [
        button("Helpful", "helpful", **value),
        button("Not helpful", "not_helpful", **value),
        button("More", "more", **value),
    ]
    return [rich(*lines), {"type": "actions", "elements": row}]


def title(entry: Entry, settings: Settings) -> Block:
    """The title, linked where the team has a site; else the id says what to look up."""
    page = settings.page(entry.id)
    if page.startswith(("https://", "http://")):
        return linked(page, entry.title, bold=True)
    return said(f"{entry.title} ({entry.id})", bold=True)


def linked(url: str, text: str, **style: bool) -> Block:
    """A link that shows the text."""
    element: Block = {"type": "link", "url": url, "text": printable(text)}
    return {**element, "style": style} if style else element


def _chance(match: Match) -> str:
    return f"{in_words(match.probability)}, {match.probability:.0%}"


def next_blocks(ask: Ask | None, talk: str) -> list[Block]:
    """The button that goes on with the conversation, where there is something to ask."""
    if ask is None:
        return []
    row = [button("Next question", "next_question", "primary", t=talk)]
    return [{"type": "actions", "elements": row}]


def question_blocks(ask: Ask, talk: str) -> list[Block]:
    """A question with a button for each answer."""
    row = [
        button(option.label, f"answer_{number}", t=talk, q=ask.id, o=option.id)
        for number, option in enumerate(ask.options)
    ]
    return [rich(*prose(ask.text)), {"type": "actions", "elements": row}]


def moved_blocks(reply: Reply, settings: Settings) -> list[Block]:
    """What the last turn changed: the candidates with their chances, and what is out."""
    before = {move.entry: move.before for move in reply.moves}
    lines: list[Block] = [said("What it may be now\n", bold=True)]
    for rank, match in enumerate(reply.answer.matches[:3], start=1):
        was = before.get(match.entry.id, match.probability)
        if rank > 1 and max(was, match.probability) < SHOWN_FROM:
            continue
        lines += [said(f"{rank}  "), title(match.entry, settings)]
        lines.append(said(f"  {match.probability:.0%} (was {was:.0%})\n"))
    if not reply.answer.matches:
        lines.append(said("No entry is left.\n"))
    lines.append(said(f"None of the entries: {reply.none:.0%}\n"))
    lines += [
        said(f"Less likely now: {short(out.title, 90)}: {short(out.why, 200)}\n")
        for out in reply.ruled_out[:3]
    ]
    return [rich(*lines)]


def split_messages(blocks: list[Block]) -> list[list[Block]]:
    """The blocks in messages that Slack takes, in order."""
    messages: list[list[Block]] = [[]]
    size = 0
    for block in blocks:
        long = length(block)
        if messages[-1] and (len(messages[-1]) >= MAX_BLOCKS or size + long > MAX_MESSAGE):
            messages.append([])
            size = 0
        messages[-1].append(block)
        size += long
    return messages


def length(block: Any) -> int:
    """Characters that are shown."""
    if isinstance(block, dict):
        return sum(length(value) for key, value in block.items() if key != "value")
    if isinstance(block, list):
        return sum(map(length, block))
    return len(block) if isinstance(block, str) else 0


def summary(answer: Answer) -> str:
    """One line for notifications and screen readers."""
    if answer.verdict == "match":
        return f"What fits best: {answer.matches[0].entry.title}"
    return HEADLINES[answer.verdict].rstrip(":")
