"""A whole entry as Block Kit: what its page on the site says, with Slack's own formatting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from advisor.entry import Entry
from advisor.settings import Settings
from advisor.slack.blocks import MAX_TEXT, Block, length, linked, prose, rich, said, title
from advisor.slack.text import pieces

Line = list[Block]
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```[^\n]*$", re.MULTILINE | re.DOTALL)
_LINE_START = re.compile(r"\n(?=\s*(?:[-*+]|\d+\.|#+|\|)\s?)")
_BULLET = re.compile(r"^[-*+]\s+")
_HEADING = re.compile(r"^#+\s+")
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*|\*(?P<italic>[^*\s][^*\n]*)\*"
    r"|\[(?P<text>[^\]\n]+)\]\((?P<url>https?://[^)\s]+)\)"
)


def entry_blocks(entry: Entry, settings: Settings) -> list[Block]:
    """The entry: check and remedy first, then why, an example, look-alikes and sources."""
    blocks = [rich(title(entry, settings)), rich(*prose(entry.cause))]
    checks = [
        (f"{number}. ", check.do, ("Expect", check.expect))
        for number, check in enumerate(entry.checks, start=1)
    ]
    remedies = [
        (f"{number}. ", remedy.do, ("Cost", remedy.cost), ("Effect", remedy.effect))
        for number, remedy in enumerate(entry.remedies, start=1)
    ]
    for heading, steps in (("Check first", checks), ("Fix", remedies)):
        lines: list[Line] = []
        for number, do, *notes in steps:
            lines.append([said(number), *prose(do)])
            lines += [[said(f"{name}  ", italic=True), *prose(text)] for name, text in notes]
        blocks += _section(heading, lines)
    blocks += _section("Do not, when", [prose(entry.avoid_when)])
    blocks += _section("What people see", [[said(f"• {seen}")] for seen in entry.symptoms])
    if entry.messages:
        codes = [[said("• "), said(message, code=True)] for message in entry.messages]
        blocks += _section("Messages", codes)
    blocks += body_blocks("Why", entry.why)
    blocks += body_blocks("Example", entry.example)
    blocks += body_blocks("When it is something else", entry.otherwise)
    sources = [
        [said("• "), linked(source.url, source.title), said(f": {source.supports}")]
        for source in entry.sources
    ]
    blocks += _section("Sources", sources)
    for heading, ids in (("Contradicts", entry.contradicts), ("Related", entry.related)):
        if ids:
            blocks += _section(heading, [[said(", ".join(ids))]])
    return [*blocks, rich(said(f"{entry.id}, {entry.evidence}, reviewed {entry.reviewed}"))]


def body_blocks(heading: str, markdown: str) -> list[Block]:
    """A part of an entry that is written in Markdown; code becomes code. '' makes nothing."""
    blocks: list[Block] = []
    for number, part in enumerate(_FENCED.split(markdown)):
        if not part.strip():
            continue
        if number % 2:
            blocks += [
                {
                    "type": "rich_text",
                    "elements": [{"type": "rich_text_preformatted", "elements": [said(piece)]}],
                }
                for piece in pieces(part.strip("\n"), MAX_TEXT)
                if piece.strip()
            ]
        else:
            blocks += _section("", list(_lines(part)))
    return [*_section(heading, []), *blocks] if blocks else []


def _lines(markdown: str) -> Iterator[Line]:
    """Paragraphs, and the items of lists, with `code`, *words* and links as Slack has them."""
    for paragraph in re.split(r"\n\s*\n", markdown):
        for part in _LINE_START.split(paragraph):
            text = " ".join(part.split())
            for piece in pieces(_BULLET.sub("• ", text), MAX_TEXT):
                if _HEADING.match(piece):
                    yield [said(_HEADING.sub("", piece), bold=True)]
                elif piece.strip():
                    yield list(_inline(piece))


def _inline(text: str) -> Iterator[Block]:
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            yield said(text[end : found.start()])
        end = found.end()
        if found["url"]:
            yield linked(found["url"], found["text"])
        else:
            yield said(found[str(found.lastgroup)], **{str(found.lastgroup): True})
    if end < len(text):
        yield said(text[end:])


def _section(heading: str, lines: list[Line]) -> list[Block]:
    """The lines below a heading ('' for none), in blocks that Slack takes."""
    blocks: list[Block] = []
    held: Line = [said(heading, bold=True)] if heading else []
    for line in lines:
        if held and length(held) + length(line) > MAX_TEXT:
            blocks.append(rich(*held))
            held = []
        held += [said("\n"), *line] if held else line
    return [*blocks, rich(*held)] if held else blocks
