"""An entry's page: what you see, what to check and what to change before anything else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.render import escaped, safe_body

# Shown at the top; the others fold away, so that check and fix are in view on a laptop.
SYMPTOMS_IN_VIEW = 3
MESSAGES_IN_VIEW = 3
_ID = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
_SPAN = re.compile(r"(`[^`\n]+`)")
_NO_WORD = re.compile(r"[^\w .,:/-]|_")
# A stressed word or two, as `escaped` leaves it; `0.1*loss + 0.2*other` is none.
_STRESSED = re.compile(r"(?<![^\s(])\\\*([A-Za-z][A-Za-z ]*)\\\*(?!\w)")


def entry_page(entry: Entry, knowledge: Knowledge) -> str:
    """The Markdown of an entry's page; links go to the .md files beside it."""
    lines = [
        "---",
        # The theme puts both into the page's head as they are.
        f"title: {json.dumps(html.escape(entry.title))}",
        f"description: {json.dumps(html.escape(entry.cause))}",
        "hide: [navigation, toc]",
        "---",
        "",
        f"# {escaped(entry.title)}",
        "",
        _chips(entry),
        "",
        prose(entry.cause, knowledge),
        "{ .cause }",
        "",
        '<div class="entry-top" markdown>',
        '<section class="seen" markdown>',
        "",
        "## You see",
        "",
        "<div markdown>",
        "",
        *_listed("More ways people put it", map(_said, entry.symptoms), SYMPTOMS_IN_VIEW),
        "</div>",
        *_messages(entry),
        "</section>",
        '<section class="check" markdown>',
        "",
        "## Check first",
        "",
    ]
    for number, check in enumerate(entry.checks, start=1):
        lines += [
            f"{number}. {prose(check.do, knowledge)}",
            "",
            f"    *Expect:* {prose(check.expect, knowledge)}",
            "",
        ]
    lines += ["</section>", '<section class="fix" markdown>', "", "## Fix", ""]
    for number, remedy in enumerate(entry.remedies, start=1):
        lines += [
            f"{number}. {prose(remedy.do, knowledge)}",
            "",
            f"    *Effect:* {prose(remedy.effect, knowledge)}  ",
            f"    *Cost:* {prose(remedy.cost, knowledge)}",
            "",
        ]
    lines += ["</section>", "</div>", "", '!!! warning "Do not, when"', ""]
    lines += [f"    {prose(entry.avoid_when, knowledge)}", ""]
    for heading, body in (
        ("Why", entry.why),
        ("Example", entry.example),
        ("When it is something else", entry.otherwise),
    ):
        if body:
            lines += [f"## {heading}", "", _linked(safe_body(body), knowledge), ""]
    lines += _contradictions(entry, knowledge)
    lines += ["## Sources", ""]
    for source in entry.sources:
        seen = f" (read {source.seen})" if source.seen else ""
        lines.append(f"- [{escaped(source.title)}]({source.url}): {escaped(source.supports)}{seen}")
    related = knowledge.linked(entry.related)
    if related:
        lines += ["", "## Related", ""]
        lines += [f"- [{escaped(other.title)}]({other.id}.md)" for other in related]
    return "\n".join([*lines, "", *_footer(entry, knowledge), ""])


def _chips(entry: Entry) -> str:
    """The facets as links to their lists, the evidence as a link to what it means."""
    chips = [f"[{entry.category}](browse/category-{entry.category}.md)"]
    for kind, values in (
        ("stage", entry.stages),
        ("framework", entry.frameworks),
        ("architecture", entry.architectures),
    ):
        chips += [f"[{name}](browse/{kind}-{name}.md)" for name in values if name != "any"]
    chips.append(f"[evidence: {entry.evidence}](browse/evidence-{entry.evidence}.md)")
    return " ".join(chip + "{ .chip }" for chip in chips) + "\n{ .chips }"


def prose(text: str, knowledge: Knowledge, up: str = "") -> str:
    """An entry's sentence as Markdown: `code`, *stress* and links for ids, all else as it is."""
    parts = _SPAN.split(_said(text))
    for position in range(0, len(parts), 2):
        parts[position] = _STRESSED.sub(r"*\1*", parts[position])
    return _linked("".join(parts), knowledge, up)


def _said(text: str) -> str:
    """What somebody typed, as it is; only `code` is set as code."""
    return _SPAN.sub(lambda span: code_span(span[0][1:-1]), escaped(text))


def _listed(summary: str, items: Iterable[str], in_view: int) -> list[str]:
    """A list of which only the first few are shown until one asks for more."""
    shown = list(items)
    # Folding one away would save no room.
    if len(shown) == in_view + 1:
        in_view += 1
    more = [f"    - {item}" for item in shown[in_view:]]
    fold = [f'??? quote "{summary}"', "", *more, ""] if more else []
    return [*(f"- {item}" for item in shown[:in_view]), "", *fold]


def _messages(entry: Entry) -> list[str]:
    """A second column beside the symptoms."""
    if not entry.messages:
        return []
    items = _listed("More messages", map(code_span, entry.messages), MESSAGES_IN_VIEW)
    return ["<div markdown>", "", *items, "</div>"]


def code_span(text: str) -> str:
    """The text as inline code, whatever backticks and tags it holds itself."""
    if "<" in text:
        # Markdown inside of HTML takes `</s>` for the end of the HTML, in code too.
        return f"<code>{_NO_WORD.sub(lambda found: f'&#{ord(found[0])};', text)}</code>"
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _linked(body: str, knowledge: Knowledge, up: str = "") -> str:
    """Ids in backticks become links to their entries, whose pages lie at `up`."""

    def link(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in knowledge:
            return match.group(0)
        return f"[{escaped(knowledge.entries[name].title)}]({up}{name}.md)"

    return _ID.sub(link, body)


def _contradictions(entry: Entry, knowledge: Knowledge) -> list[str]:
    others = knowledge.linked(entry.contradicts)
    if not others:
        return []
    lines = ["## Who says otherwise", "", '<div class="sides" markdown>']
    for side in (entry, *others):
        here = " (this entry)" if side is entry else ""
        name = escaped(side.title) if side is entry else f"[{escaped(side.title)}]({side.id}.md)"
        lines += ["<section markdown>", "", f"**{name}**{here}", ""]
        lines += [prose(side.cause, knowledge), ""]
        lines += [f"*Fix:* {prose(side.remedies[0].do, knowledge)}", "", "</section>"]
    return [*lines, "</div>", ""]


def _footer(entry: Entry, knowledge: Knowledge) -> list[str]:
    siblings = [other for other in knowledge if other.category == entry.category]
    place = siblings.index(entry)
    links = []
    if place > 0:
        before = siblings[place - 1]
        links.append(f"[← {escaped(before.title)}]({before.id}.md)" + "{ .before }")
    if place + 1 < len(siblings):
        after = siblings[place + 1]
        links.append(f"[{escaped(after.title)} →]({after.id}.md)" + "{ .after }")
    cite = f"dladvisor, “{escaped(entry.title)}” (entry `{entry.id}`), reviewed {entry.reviewed}."
    return [
        "---",
        "",
        " ".join(links) + ("\n{ .siblings }" if links else ""),
        "",
        f"`dladvisor show {entry.id}` · reviewed {entry.reviewed} · cite as: {cite}",
        "{ .colophon }",
    ]
