"""The lists: every entry by category, one page a facet value, and the index of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from advisor import vocabulary
from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.render import escaped
from advisor.website.facets import FACETS, narrowing, values_of
from advisor.website.pages import code_span

EVIDENCE_MEANS = {
    "demonstrated": "A controlled experiment in a paper, or the runnable example of the entry, "
    "shows cause and effect.",
    "established": "Primary sources state it and practice agrees.",
    "reported": "Practitioners report it: issue threads, posts, the notes of one lab.",
    "contested": "Serious sources disagree; the entry says how.",
}


def index_pages(knowledge: Knowledge) -> dict[str, str]:
    """Path below docs/kb -> Markdown, for all lists."""
    pages = {"index.md": _all_page(knowledge), "messages.md": _messages_page(knowledge)}
    for facet in FACETS:
        by_value: dict[str, list[Entry]] = defaultdict(list)
        for entry in knowledge:
            for value in values_of(entry, facet):
                by_value[value].append(entry)
        for value, entries in by_value.items():
            pages[f"browse/{facet}-{value}.md"] = _value_page(facet, value, entries)
    return pages


def _all_page(knowledge: Knowledge) -> str:
    lines = ["---", "title: All entries", "---", "", f"# All {len(knowledge)} entries", ""]
    lines += [
        "By [symptom](symptoms.md), by [error message](messages.md), or the entries that serious "
        "people [disagree about](contested.md).",
        "",
    ]
    lines += narrowing(list(knowledge))
    # For readers without JavaScript, and to link to; folded, so that the entries are in view.
    lines += ['??? quote "The same as lists: by framework, architecture, stage, evidence"', ""]
    for facet in ("framework", "architecture", "stage", "evidence"):
        counts = {
            value: sum(value in values_of(entry, facet) for entry in knowledge)
            for value in FACETS[facet]
        }
        links = [
            f"[{value} {count}](browse/{facet}-{value}.md)" + "{ .chip }"
            for value, count in counts.items()
            if count
        ]
        lines += [f"    **By {facet}:** " + " ".join(links), "    { .chips }", ""]
    for category in vocabulary.CATEGORIES:
        inside = [entry for entry in knowledge if entry.category == category]
        if inside:
            lines += [
                f"## {vocabulary.category_name(category)} ({len(inside)})",
                "",
                *_rows(inside, ""),
                "",
            ]
    return "\n".join(lines)


def _value_page(facet: str, value: str, entries: list[Entry]) -> str:
    name = vocabulary.category_name(value) if facet == "category" else value
    title = f"{facet.capitalize()}: {name}"
    lines = ["---", f'title: "{title}"', "hide: [navigation, toc]", "---", "", f"# {title}", ""]
    if facet == "evidence":
        lines += [EVIDENCE_MEANS[value], ""]
    noun = "entry" if len(entries) == 1 else "entries"
    lines += [f"{len(entries)} {noun}. [All entries](../index.md)", "", *narrowing(entries, facet)]
    lines += [*_rows(entries, "../"), ""]
    return "\n".join(lines)


def _rows(entries: Iterable[Entry], up: str) -> list[str]:
    """One line an entry: its title, and the first symptom as the reader would put it."""
    return [
        f"- [{escaped(entry.title)}]({up}{entry.id}.md)  \n  *{escaped(entry.symptoms[0])}*"
        for entry in entries
    ]


def _messages_page(knowledge: Knowledge) -> str:
    lines = [
        "---",
        "title: Error messages",
        "---",
        "",
        "# Index of error messages",
        "",
        "Search this page (Ctrl+F) for a piece of the line that you see, or paste the whole line "
        "into the [ask box](../ask.md).",
        "",
    ]
    pairs = [(message, entry) for entry in knowledge for message in entry.messages]
    for message, entry in sorted(pairs, key=lambda pair: (pair[0].lower(), pair[1].id)):
        lines.append(f"- {code_span(message)}: [{escaped(entry.title)}]({entry.id}.md)")
    return "\n".join([*lines, ""])
