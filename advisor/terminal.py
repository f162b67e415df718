"""Answers and entries as text for a terminal: wrapped, styled, or plain for screen readers."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

import click

from advisor.entry import Entry
from advisor.results import Answer, Match, in_words
from advisor.safe_text import printable

NARROWEST = 32
WIDEST = 96
# Matches shown whole; the others get two lines, so that the best answers fit one screen.
SHOWN_WHOLE = 2

HEADLINES = {
    "match": "What fits best:",
    "unsure": "Not sure. The nearest entries, none of them certain:",
    "none": "Nothing here fits that. The nearest entries, probably not your problem:",
}
ADVICE = {
    "match": "",
    "unsure": "Say more to get a surer answer: what the loss does, when it begins, which "
    "framework, the exact error line.",
    "none": "dladvisor knows training runs that misbehave: describe what the loss, the scores or "
    "the program do. All entries: dladvisor list",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: its width in columns, and whether it is plain.

    Plain means one fact a line, unwrapped, with no styling and nothing but ASCII ornaments.
    """

    width: int
    plain: bool = False

    def style(self, text: str, **how: object) -> str:
        """The text in click's styles, or as it is on plain paper."""
        return text if self.plain else click.style(text, **how)  # type: ignore[arg-type]

    def wrap(self, text: str, indent: str = "", label: str = "") -> str:
        """A paragraph with its label in front of the first line, wrapped to the width."""
        body = " ".join(printable(text).split())
        if self.plain:
            name = label.strip().rstrip(":")
            return (
                f"{indent}{name}{': ' if name and name[-1].isalpha() else ' ' * bool(name)}{body}"
            )
        hang = indent + " " * len(label)
        width = max(self.width - len(hang), NARROWEST - 12)
        lines = textwrap.wrap(body, width, break_on_hyphens=False) or [""]
        first = indent + self.style(label, dim=True) + lines[0]
        return "\n".join([first, *(hang + line for line in lines[1:])])


def answer_text(answer: Answer, paper: Paper) -> str:
    """A ranked answer a person can act on: the best matches whole, the others in short."""
    parts = [paper.style(HEADLINES[answer.verdict], bold=True)]
    if answer.verdict != "match":
        parts[0] = paper.wrap(parts[0]) if paper.plain else _fold(parts[0], paper)
    if not answer.matches:
        parts.append(paper.wrap("No entry passes your filters. Leave one out."))
    whole = SHOWN_WHOLE if answer.verdict != "none" else 0
    for rank, match in enumerate(answer.matches, start=1):
        parts.append(_match_text(rank, match, paper, rank <= whole))
    if ADVICE[answer.verdict]:
        parts.append(paper.wrap(ADVICE[answer.verdict]))
    return "\n\n".join(parts)


def _fold(styled: str, paper: Paper) -> str:
    text = click.unstyle(styled)
    return "\n".join(paper.style(line, bold=True) for line in textwrap.wrap(text, paper.width))


def _match_text(rank: int, match: Match, paper: Paper, whole: bool) -> str:
    entry = match.entry
    chance = f"{in_words(match.probability)}, {match.probability:.0%}"
    if paper.plain:
        lines = [f"{rank}. {entry.title} ({chance})"]
    else:
        colour = "green" if match.probability >= 0.5 else "yellow"
        title = textwrap.wrap(entry.title, max(paper.width - 4, NARROWEST - 4))
        lines = [f"{rank:>2}  " + paper.style(title[0], bold=True)]
        lines += ["    " + paper.style(line, bold=True) for line in title[1:]]
        if len(title[-1]) + len(chance) + 6 <= paper.width:
            lines[-1] += "  " + paper.style(chance, fg=colour)
        else:
            lines.append("    " + paper.style(chance, fg=colour))
    indent = "" if paper.plain else "    "
    for number, reason in enumerate(match.why):
        lines.append(paper.wrap(reason, indent, "Why    " if number == 0 else "       "))
    if whole:
        lines.append(paper.wrap(entry.cause, indent, "Cause  "))
        lines.append(paper.wrap(entry.checks[0].do, indent, "Check  "))
        lines.append(paper.wrap(entry.checks[0].expect, indent, "Expect "))
        lines.append(paper.wrap(entry.remedies[0].do, indent, "Fix    "))
    more = f"dladvisor show {entry.id}"
    lines.append(
        f"{indent}{paper.style('More   ', dim=True) if not paper.plain else 'More: '}{more}"
    )
    return "\n".join(lines)


def explanation_text(answer: Answer, paper: Paper) -> str:
    """The features of each match, for `--explain`."""
    lines = []
    for rank, match in enumerate(answer.matches, start=1):
        lines.append(paper.style(f"{rank}. {match.entry.id}  {match.probability:.3f}", bold=True))
        lines += [f"     {name:<20} {value:8.3f}" for name, value in match.features.items()]
    return "\n".join(lines)


def entry_text(entry: Entry, paper: Paper) -> str:
    """A whole entry for reading in a terminal."""
    facets = [entry.category, *_facet(entry.frameworks), *_facet(entry.architectures)]
    parts = [paper.style(entry.title, bold=True)]
    parts.append(paper.style(f"{entry.id} | {', '.join(facets)} | {entry.evidence}", dim=True))
    parts.append(paper.wrap(entry.cause))
    parts.append(_listing("What people see", entry.symptoms, paper))
    if entry.messages:
        parts.append(_listing("Messages", entry.messages, paper))
    parts.append(_heading("Check first", paper))
    for number, check in enumerate(entry.checks, start=1):
        parts.append(
            paper.wrap(check.do, "", f"{number}. ")
            + "\n"
            + paper.wrap(check.expect, "   ", "Expect: ")
        )
    parts.append(_heading("Fix", paper))
    for number, remedy in enumerate(entry.remedies, start=1):
        parts.append(
            "\n".join(
                (
                    paper.wrap(remedy.do, "", f"{number}. "),
                    paper.wrap(remedy.cost, "   ", "Cost: "),
                    paper.wrap(remedy.effect, "   ", "Effect: "),
                )
            )
        )
    parts += [_heading("Do not, when", paper), paper.wrap(entry.avoid_when)]
    for name, body in (("Why", entry.why), ("Example", entry.example)):
        if body:
            parts += [_heading(name, paper), _body(body, paper)]
    if entry.otherwise:
        parts += [_heading("When it is something else", paper), _body(entry.otherwise, paper)]
    parts.append(_heading("Sources", paper))
    for source in entry.sources:
        parts.append(
            paper.wrap(source.title, "", "- ")
            + f"\n  {source.url}\n"
            + paper.wrap(source.supports, "  ")
        )
    if entry.contradicts:
        parts.append(paper.wrap(", ".join(entry.contradicts), "", "Contradicts: "))
    parts.append(paper.wrap(", ".join(entry.related), "", "Related: "))
    return "\n\n".join(parts)


def _facet(values: tuple[str, ...]) -> list[str]:
    return [value for value in values if value != "any"]


def _heading(name: str, paper: Paper) -> str:
    return name if paper.plain else click.style(name, bold=True, fg="cyan")


def _listing(name: str, items: tuple[str, ...], paper: Paper) -> str:
    return "\n".join([_heading(name, paper), *(paper.wrap(item, "", "- ") for item in items)])


def _body(markdown: str, paper: Paper) -> str:
    """Markdown as it is, except that prose is wrapped; code is left alone."""
    out = []
    for block in re.split(r"(^```.*?^```[^\n]*$)", markdown, flags=re.MULTILINE | re.DOTALL):
        if block.startswith("```"):
            code = printable(block).split("\n")[1:-1]
            out.append("\n".join("    " + line for line in code))
            continue
        for paragraph in re.split(r"\n\s*\n|\n(?=[-*] |\d+\. )", block.strip()):
            if paragraph.startswith(("- ", "* ")):
                out.append(paper.wrap(paragraph[2:], "", "- "))
            elif paragraph.strip():
                out.append(paper.wrap(paragraph))
    return "\n\n".join(out)
