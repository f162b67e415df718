"""Links between entries, links to sources, and dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from advisor.errors import nearest
from advisor.knowledge import Knowledge
from advisor.lint.problem import Problem, line_holding


def ids(knowledge: Knowledge) -> Iterator[Problem]:
    """KB007 and KB008: linked entries exist, and a contradiction is told on both sides."""
    unreadable = {re.sub(r"\.md$", "", bad.path.rsplit("/", 1)[-1]) for bad in knowledge.bad}
    for entry in knowledge:
        for other in (*entry.related, *entry.contradicts):
            line = line_holding(entry.path, other)
            if other == entry.id:
                yield Problem("KB007", entry.path, line, "The entry links to itself.", "Delete it.")
            elif other not in knowledge and other not in unreadable:
                near = nearest(other, knowledge.entries)
                hint = f"Did you mean {' or '.join(near)}?" if near else "See: dladvisor list"
                yield Problem("KB007", entry.path, line, f"There is no entry '{other}'.", hint)
        for other in entry.contradicts:
            if other in knowledge and entry.id not in knowledge.entries[other].contradicts:
                yield Problem(
                    "KB008",
                    entry.path,
                    line_holding(entry.path, other),
                    f"'{other}' does not list this entry under 'contradicts'.",
                    f"Add to {other}.md:\ncontradicts: [{entry.id}]",
                )


def _canonical(url: str) -> str:
    """One spelling for addresses that lead to the same page."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.")
    path = re.sub(r"^/(abs|pdf)/(\d{4}\.\d{4,5})(v\d+)?(\.pdf)?$", r"/abs/\2", parts.path)
    return f"{host}{path.rstrip('/')}?{parts.query}#{parts.fragment}"


def sources(knowledge: Knowledge) -> Iterator[Problem]:
    """KB009: addresses are https, well formed, once an entry, and spelt one way everywhere."""
    spelling: dict[str, tuple[str, str]] = {}
    for entry in knowledge:
        here: set[str] = set()
        for source in entry.sources:
            line = line_holding(entry.path, source.url)
            parts = urlsplit(source.url)
            if parts.scheme != "https" or "." not in parts.netloc or re.search(r"\s", source.url):
                yield Problem(
                    "KB009",
                    entry.path,
                    line,
                    f"'{source.url}' is not an https address.",
                    "Write it as https://arxiv.org/abs/1412.6980",
                )
                continue
            key = _canonical(source.url)
            if key in here:
                yield Problem("KB009", entry.path, line, f"'{source.url}' stands twice.", "Merge.")
            here.add(key)
            first, owner = spelling.setdefault(key, (source.url, entry.id))
            if first != source.url:
                yield Problem(
                    "KB009",
                    entry.path,
                    line,
                    f"'{source.url}' is spelt '{first}' in the entry '{owner}'.",
                    "Use one spelling; for arXiv the /abs/ address without a version.",
                )


def dates(knowledge: Knowledge) -> Iterator[Problem]:
    """KB016: nothing was reviewed or read in the future."""
    today = datetime.date.today()
    for entry in knowledge:
        days = [entry.reviewed, *(source.seen for source in entry.sources if source.seen)]
        late = [day for day in days if day > today]
        if late:
            yield Problem(
                "KB016",
                entry.path,
                line_holding(entry.path, late[0].isoformat()),
                f"The date {late[0]} lies in the future.",
                f"Today is {today}.",
            )
