"""A conversation as text: replies for a terminal, and a whole one as Markdown to hand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.entry import Entry
from advisor.followups import followups
from advisor.reply import (
    CHECK,
    CONFIRMED,
    DONT_KNOW,
    NONE_OF_THESE,
    NOT_CONFIRMED,
    OTHER,
    Reply,
    Turn,
)
from advisor.results import Match
from advisor.safe_text import printable
from advisor.terminal import Paper

SHOWN = 3  # candidates in a terminal reply; more scroll the question away
MOVED = 0.005
# Below this the leading entry is not named beside the list, nor its check.
WORTH_NAMING = 0.1
MOST_QUOTED = 2000  # characters of a pasted log in an export


def reply_text(reply: Reply, paper: Paper) -> str:
    """What a person in a terminal reads after a turn: what moved, what is out, what is next."""
    parts = []
    if reply.heard:
        parts.append(_lines("Heard in your words", reply.heard, paper))
    if reply.answer.note:
        parts.append(paper.wrap(reply.answer.note))
    if reply.ruled_out:
        parts.append(
            _lines("Less likely now", [f"{out.title}: {out.why}" for out in reply.ruled_out], paper)
        )
    parts.append(_candidates(reply, paper))
    if reply.look_elsewhere:
        parts.append(paper.wrap("If that one did not help, its entry says to look here:"))
        bullets = reply.look_elsewhere.strip().splitlines()
        parts.append("\n".join(paper.wrap(x.removeprefix("- "), "", "- ") for x in bullets))
    if reply.ask and (check := to_confirm(reply)):
        parts.append(paper.wrap(f"To confirm 1: {check}"))
    if reply.ask:
        options = [
            paper.wrap(option.label, "  ", f"{number} ")
            for number, option in enumerate(reply.ask.options, start=1)
        ]
        question = paper.wrap(reply.ask.text)
        parts.append("\n".join([paper.style(question, bold=True), *options]))
    elif reply.answer.matches:
        parts.append(_advice(reply, paper))
    return "\n\n".join(parts)


def _lines(head: str, lines: Sequence[str], paper: Paper) -> str:
    return "\n".join([paper.style(f"{head}:", dim=True), *(paper.wrap(x, "  ") for x in lines)])


def _candidates(reply: Reply, paper: Paper) -> str:
    if not reply.answer.matches:
        return paper.wrap("No entry is left. Undo a step, or describe it anew.")
    before = {move.entry: move.before for move in reply.moves}
    lines = []
    for number, match in enumerate(reply.answer.matches[:SHOWN], start=1):
        lines.append(paper.wrap(match.entry.title, "  ", chance(match, before)))
        lines[-1] = f"{number}{lines[-1][1:]}"
    if reply.answer.verdict == "none" or reply.none >= reply.answer.matches[0].probability:
        lines.append(paper.wrap("None of the entries", "  ", f"{reply.none:>4.0%}  "))
    return "\n".join([paper.style("What it may be:", dim=True), *lines])


def to_confirm(reply: Reply) -> str:
    """The first sentence of the leading entry's check, "" where it says too little or is asked."""
    asked = reply.ask is not None and reply.ask.id.startswith(CHECK)
    if asked or reply.confirm is None or reply.answer.matches[0].probability < WORTH_NAMING:
        return ""
    return reply.confirm.check.do.split(". ")[0].rstrip(".") + "."


def chance(match: Match, before: Mapping[str, float]) -> str:
    """`62% (was 14%)`, for in front of a title."""
    was = before.get(match.entry.id, match.probability)
    moved = f"(was {was:.0%}) " if abs(was - match.probability) >= MOVED else ""
    return f"{match.probability:>4.0%} {moved} "


def _advice(reply: Reply, paper: Paper) -> str:
    """The leading entry to act on: check first, then the remedy, and what if it fails."""
    entry = reply.answer.matches[0].entry
    lines = [
        paper.style(paper.wrap(f"Try this: {entry.title}"), bold=True),
        paper.wrap(entry.cause, "  ", "Cause  "),
        paper.wrap(entry.checks[0].do, "  ", "Check  "),
        paper.wrap(entry.checks[0].expect, "  ", "Expect "),
        paper.wrap(entry.remedies[0].do, "  ", "Fix    "),
        paper.wrap(entry.remedies[0].effect, "  ", "After  "),
        paper.wrap("If it did not help, say /no 1. All of it: /show 1"),
    ]
    return "\n".join(lines)


def turn_text(turn: Turn, knowledge: Mapping[str, Entry]) -> str:
    """What the person did, in one line."""
    if turn.kind == "tell":
        return printable(turn.text)
    if turn.kind == "reject":
        return f"Not it, or did not help: {knowledge[turn.entry].title}"
    if turn.question.startswith(CHECK):
        outcome = {
            CONFIRMED: "confirmed it",
            NOT_CONFIRMED: "ruled it out",
            DONT_KNOW: "could not tell",
        }[turn.option]
        title = knowledge[turn.question.removeprefix(CHECK)].title
        return f"The check for “{title}” {outcome}"
    followup = followups()[turn.question]
    names = {OTHER: NONE_OF_THESE, DONT_KNOW: "I don't know"}
    return f"{followup.text} {names.get(turn.option) or followup.labels[turn.option]}"


def markdown(turns: Sequence[Turn], reply: Reply, knowledge: Mapping[str, Entry]) -> str:
    """The conversation for an issue or Slack: what is seen, what was tried, what it may be."""
    told = "\n".join(printable(turn.text) for turn in turns if turn.kind == "tell")
    if len(told) > MOST_QUOTED:
        told = f"{told[: MOST_QUOTED // 2]}\n[…]\n{told[-MOST_QUOTED // 2 :]}"
    fence = "```"
    while fence in told:
        fence += "`"
    parts = ["## What I see", f"{fence}text\n{told}\n{fence}"]
    answered = [turn_text(turn, knowledge) for turn in turns if turn.kind == "answer"]
    if answered:
        parts += ["## What I answered", "\n".join(f"- {line}" for line in answered)]
    tried = [knowledge[turn.entry] for turn in turns if turn.kind == "reject"]
    if tried:
        lines = [f"- {entry.title} (`{entry.id}`): not it, or did not help" for entry in tried]
        parts += ["## What I tried", "\n".join(lines)]
    parts.append("## What it may be")
    for match in reply.answer.matches[:SHOWN]:
        entry = match.entry
        parts.append(
            f"- **{entry.title}** (`{entry.id}`), {match.probability:.0%}: {entry.cause}\n"
            f"  - Check: {entry.checks[0].do} {entry.checks[0].expect}\n"
            f"  - Fix: {entry.remedies[0].do}"
        )
    parts.append(f"None of the known entries: {reply.none:.0%}. From `dladvisor chat`.")
    return "\n\n".join(parts) + "\n"
