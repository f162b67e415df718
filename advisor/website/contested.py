"""The page Most contested: entries that contradict each other, side by side with their sources."""

from __future__ import annotations

from collections import Counter

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.render import escaped
from advisor.website.pages import prose


def contested_page(knowledge: Knowledge) -> str:
    """Each pair of entries that contradict each other, then those that are disputed alone."""
    pairs = sorted(
        {
            (min(entry.id, other.id), max(entry.id, other.id))
            for entry in knowledge
            for other in knowledge.linked(entry.contradicts)
        }
    )
    disputes = Counter(name for pair in pairs for name in pair)
    # The most disputed entries first; ties by name, so that the page is the same each time.
    pairs.sort(key=lambda pair: (-max(disputes[name] for name in pair), pair))
    lines = [
        "---",
        "title: Most contested",
        "hide: [navigation]",
        "---",
        "",
        "# Most contested",
        "",
        "Serious people give opposite advice on these. Both sides stand here with their sources; "
        "each entry says under *When it is something else* or *Do not, when* how to choose.",
        "",
    ]
    for left, right in pairs:
        sides = [knowledge.get(left), knowledge.get(right)]
        lines += [f"## {escaped(sides[0].title)} / {escaped(sides[1].title)}", ""]
        lines += ['<div class="sides" markdown>', *_side(sides[0], knowledge)]
        lines += [*_side(sides[1], knowledge), "</div>", ""]
    alone = [
        entry for entry in knowledge if entry.evidence == "contested" and entry.id not in disputes
    ]
    if alone:
        lines += ["## Disputed, with both sides in one entry", ""]
        lines += [
            f"- [{escaped(entry.title)}]({entry.id}.md)  \n  {prose(entry.cause, knowledge)}"
            for entry in alone
        ]
        lines.append("")
    return "\n".join(lines)


def _side(entry: Entry, knowledge: Knowledge) -> list[str]:
    lines = ["<section markdown>", "", f"**[{escaped(entry.title)}]({entry.id}.md)**", ""]
    lines += [prose(entry.cause, knowledge), ""]
    lines += [f"*Fix:* {prose(entry.remedies[0].do, knowledge)}", ""]
    lines += [f"*Do not, when:* {prose(entry.avoid_when, knowledge)}", "", "*Sources*", ""]
    lines += [
        f"- [{escaped(source.title)}]({source.url}): {escaped(source.supports)}"
        for source in entry.sources
    ]
    return [*lines, "", "</section>"]
