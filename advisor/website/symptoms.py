"""The index by symptom: what was observed, value by value, and the entries it is typical of."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.render import escaped
from advisor.vocabulary import OBSERVABLES

# A value that more than this share of the entries has tells a reader nothing.
TOO_COMMON = 0.2
_SPELLED = {"nan": "NaN", "gpu": "GPU", "gpus": "GPUs"}


def symptom_pages(knowledge: Knowledge) -> dict[str, str]:
    """Path below docs/kb -> Markdown: the index, and one page an observable."""
    lines = ["---", "title: By symptom", "---", "", "# What do you see?", ""]
    lines += [
        "Pick what you are sure of. Each link lists the entries that it is typical of, those "
        "with the fewest other signs first.",
        "",
    ]
    pages = {}
    for name, (question, _) in OBSERVABLES.items():
        found = _by_value(knowledge, name)
        if not found:
            continue
        lines += [f"## {question}", ""]
        lines += [
            " ".join(
                f"[{_words(value)} {len(entries)}](symptoms/{name}.md#{value})" + "{ .chip }"
                for value, entries in found
            ),
            "{ .chips }",
            "",
        ]
        pages[f"symptoms/{name}.md"] = _page(question, found)
    return {"symptoms.md": "\n".join(lines), **pages}


def _by_value(knowledge: Knowledge, name: str) -> list[tuple[str, list[Entry]]]:
    """The observable's values that some, but not most, entries have, in the vocabulary's order."""
    found = []
    for value in OBSERVABLES[name][1]:
        entries = [entry for entry in knowledge if value in entry.observables.get(name, ())]
        if entries and len(entries) <= max(1, TOO_COMMON * len(knowledge)):
            found.append((value, sorted(entries, key=_signs)))
    return found


def _signs(entry: Entry) -> tuple[int, str]:
    """Fewest observed values first: an entry that fits everything is seldom the one."""
    return sum(len(values) for values in entry.observables.values()), entry.id


def _page(question: str, found: Sequence[tuple[str, list[Entry]]]) -> str:
    lines = ["---", f'title: "{question}"', "hide: [navigation]", "---", "", f"# {question}", ""]
    lines += ["[Other symptoms](../symptoms.md)", ""]
    for value, entries in found:
        lines += [f"## {_heading(value)} {{ #{value} }}", ""]
        lines += [
            f"- [{escaped(entry.title)}](../{entry.id}.md)  \n  {escaped(entry.cause)}"
            for entry in entries
        ]
        lines.append("")
    return "\n".join(lines)


def _words(value: str) -> str:
    return " ".join(_SPELLED.get(word, word) for word in value.split("-"))


def _heading(value: str) -> str:
    words = _words(value)
    # Names such as fp16 stay as they are.
    return words if any(map(str.isdigit, words)) else words[0].upper() + words[1:]
