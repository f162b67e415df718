"""Entries and answers as Markdown: for the TUI's reading pane, `show --markdown` and pasting."""

from __future__ import annotations

import re
from collections.abc import Callable

from advisor.entry import Entry
from advisor.results import Answer, in_words

Link = Callable[[str], str]
_SPECIAL = re.compile(r"([\\`*_{}\[\]#])")
_LIST_START = re.compile(r"^(\d*)([-+.)])(?=\s)")
_SPAN = re.compile(r"(`[^`\n]+`)")
_NO_RUN = re.compile(r"^```python no-run:[^\n]*$", re.MULTILINE)
_FENCED = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\]\(\s*(?!https?://|#|[\w./-]+(?:[)#]))[^)]*\)")
# Characters that some renderer would take for markup and that no backslash protects everywhere.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;", "$": "&#36;"}


def _entities(text: str) -> str:
    return "".join(_ENTITIES.get(character, character) for character in text)


def escaped(text: str) -> str:
    """Plain text that every Markdown renderer shows as it is; `code` in backticks stays code."""
    parts = _SPAN.split(" ".join(text.split()))
    for position in range(0, len(parts), 2):
        parts[position] = _entities(_SPECIAL.sub(r"\\\1", parts[position]))
    return _LIST_START.sub(r"\1\\\2", "".join(parts))


def safe_body(body: str) -> str:
    """An entry's Markdown body without raw HTML and without links to scripts; code is kept.

    Reasons for not running an example leave the fence, so that every renderer knows it.
    """
    blocks = _FENCED.split(_NO_RUN.sub("```python", body))
    for position in range(0, len(blocks), 2):
        spans = _SPAN.split(blocks[position])
        for inner in range(0, len(spans), 2):
            plain = spans[inner].replace("&", "&amp;").replace("<", "&lt;")
            spans[inner] = _TARGET.sub("]", plain)
        blocks[position] = "".join(spans)
    return "".join(blocks)


def entry_markdown(entry: Entry, link: Link = lambda entry_id: f"{entry_id}.md") -> str:
    """A whole entry, check and remedy before the explanation; `link` gives an id's address."""
    lines = [f"# {escaped(entry.title)}", "", escaped(entry.cause), "", "## Check first", ""]
    for number, check in enumerate(entry.checks, start=1):
        lines += [f"{number}. {escaped(check.do)}  ", f"   *Expect:* {escaped(check.expect)}"]
    lines += ["", "## Fix", ""]
    for number, remedy in enumerate(entry.remedies, start=1):
        lines += [
            f"{number}. {escaped(remedy.do)}  ",
            f"   *Cost:* {escaped(remedy.cost)}  ",
            f"   *Effect:* {escaped(remedy.effect)}",
        ]
    lines += ["", "## Do not, when", "", escaped(entry.avoid_when)]
    lines += ["", "## What people see", ""]
    lines += [f"- {escaped(symptom)}" for symptom in entry.symptoms]
    if entry.messages:
        lines += ["", "## Messages", "", *(f"- `{message}`" for message in entry.messages)]
    lines += ["", "## Why", "", safe_body(entry.why)]
    if entry.example:
        lines += ["", "## Example", "", safe_body(entry.example)]
    if entry.otherwise:
        lines += ["", "## When it is something else", "", safe_body(entry.otherwise)]
    lines += ["", "## Sources", ""]
    lines += [
        f"- [{escaped(source.title)}]({source.url}): {escaped(source.supports)}"
        for source in entry.sources
    ]
    for name, ids in (("Contradicts", entry.contradicts), ("Related", entry.related)):
        if ids:
            linked = ", ".join(f"[{other}]({link(other)})" for other in ids)
            lines += ["", f"**{name}:** {linked}"]
    facets = [entry.category, *entry.stages, *entry.frameworks, *entry.architectures]
    shown = ", ".join(dict.fromkeys(name for name in facets if name != "any"))
    lines += ["", f"*{entry.id} · {shown} · {entry.evidence} · reviewed {entry.reviewed}*", ""]
    return "\n".join(lines)


def answer_markdown(answer: Answer, link: Link = lambda entry_id: f"{entry_id}.md") -> str:
    """A ranked answer in short, for pasting into an issue or a chat."""
    headline = {
        "match": "What fits best",
        "unsure": "Not sure; the nearest entries",
        "none": "Nothing fits; the nearest entries",
    }[answer.verdict]
    lines = [f"> {escaped(answer.question)}", "", f"**{headline}:**", ""]
    for rank, match in enumerate(answer.matches, start=1):
        entry = match.entry
        chance = f"{in_words(match.probability)}, {match.probability:.0%}"
        lines += [
            f"{rank}. [{escaped(entry.title)}]({match.url or link(entry.id)}) ({chance})  ",
            f"   Check: {escaped(entry.checks[0].do)}  ",
            f"   Fix: {escaped(entry.remedies[0].do)}",
        ]
    return "\n".join([*lines, ""])
