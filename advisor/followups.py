"""What a conversation may ask: questions in plain words, and what each entry says to them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.entry import Entry

_FILE = Path(__file__).resolve().parent / "followups.txt"
# Facets of an entry that can be asked about like observables; `any` in them says nothing.
FACETS = ("architectures", "frameworks")


@dataclass(frozen=True, slots=True)
class Followup:
    """A question: an observable's or facet's name, its words, and value -> label.

    `about` is what stands in front of a label: "training loss".
    """

    id: str
    about: str
    text: str
    labels: Mapping[str, str]


@functools.cache
def followups() -> Mapping[str, Followup]:
    """All questions by id, in the order of followups.txt."""
    found: dict[str, Followup] = {}
    for block in _FILE.read_text(encoding="utf-8").split("\n[")[1:]:
        name, _, rest = block.partition("] ")
        about, question, *lines = rest.strip().splitlines()
        labels = dict(line.split(": ", 1) for line in lines)
        found[name] = Followup(name, about, question.removeprefix("? "), labels)
    return found


def typical(entry: Entry, followup_id: str) -> tuple[str, ...]:
    """The values that are typical of an entry; none means that it is not known."""
    if followup_id in FACETS:
        values: tuple[str, ...] = getattr(entry, followup_id)
        return () if "any" in values else values
    return entry.observables.get(followup_id, ())
