"""An entry's page: what you see, what to check and what to change before anything else."""

from __future__ import annotations

import html
import json
import re

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.render import escaped, safe_body

# Symptoms shown at the top; the others fold away, so that the check is in view on a laptop.
SYMPTOMS_IN_VIEW = 3
_ID = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")


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
        escaped(entry.cause),
        "{ .cause }",
        "",
        '<div class="entry-top" markdown>',
        '<section class="seen" markdown>',
        "",
        "## You see",
        "",
        *(f"- {escaped(symptom)}" for symptom in entry.symptoms[:SYMPTOMS_IN_VIEW]),
        "",
        *_folded("More ways people put it", entry.symptoms[SYMPTOMS_IN_VIEW:]),
        *_messages(entry),
        "</section>",
        '<section class="check" markdown>',
        "",
        "## Check first",
        "",
    ]
    for number, check in enumerate(entry.checks, start=1):
        lines += [
            f"{number}. {escaped(check.do)}",
            "",
            f"    *Expect:* {escaped(check.expect)}",
            "",
        ]
    lines += ["</section>", '<section class="fix" markdown>', "", "## Fix", ""]
    for number, remedy in enumerate(entry.remedies, start=1):
        lines += [
            f"{number}. {escaped(remedy.do)}",
            "",
            f"    *Effect:* {escaped(remedy.effect)}  ",
            f"    *Cost:* {escaped(remedy.cost)}",
            "",
        ]
    lines += ["</section>", "</div>", "", '!!! warning "Do not, when"', ""]
    lines += [f"    {escaped(entry.avoid_when)}", ""]
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


def _folded(summary: str, items: tuple[str, ...]) -> list[str]:
    if not items:
        return []
    return [f'??? quote "{summary}"', "", *(f"    - {escaped(item)}" for item in items), ""]


def _messages(entry: Entry) -> list[str]:
    if not entry.messages:
        return []
    return ["**Messages**", "", *(f"- {code_span(message)}" for message in entry.messages), ""]


def code_span(text: str) -> str:
    """The text as inline code, whatever backticks it holds itself."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _linked(body: str, knowledge: Knowledge) -> str:
    """Ids in backticks become links to their entries."""

    def link(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in knowledge:
            return match.group(0)
        return f"[{escaped(knowledge.entries[name].title)}]({name}.md)"

    return _ID.sub(link, body)


def _contradictions(entry: Entry, knowledge: Knowledge) -> list[str]:
    others = knowledge.linked(entry.contradicts)
    if not others:
        return []
    lines = ["## Who says otherwise", "", '<div class="sides" markdown>']
    for side in (entry, *others):
        here = " (this entry)" if side is entry else ""
        name = escaped(side.title) if side is entry else f"[{escaped(side.title)}]({side.id}.md)"
        lines += ["<section markdown>", "", f"**{name}**{here}", "", escaped(side.cause), ""]
        lines += [f"Fix: {escaped(side.remedies[0].do)}", "", "</section>"]
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
