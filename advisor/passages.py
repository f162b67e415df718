"""Passages: the pieces of an entry that are embedded one by one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from advisor.entry import Entry

Kind = Literal["title", "symptom", "wording", "advice"]
KINDS: tuple[Kind, ...] = ("title", "symptom", "wording", "advice")
# What a sufferer would type, against what an expert would write.
SPOKEN: tuple[Kind, ...] = ("symptom", "wording")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of an entry that is embedded, and what it is."""

    kind: Kind
    text: str

    @property
    def hash(self) -> str:
        """Identifies the text: passages of one hash share one vector."""
        return hashlib.blake2b(self.text.encode(), digest_size=12).hexdigest()


def split(entry: Entry) -> list[Passage]:
    """The passages of an entry in a fixed order; the first is its title with its cause."""
    passages = [Passage("title", f"{entry.title}. {entry.cause}")]
    passages += [Passage("symptom", symptom) for symptom in entry.symptoms]
    passages += [Passage("wording", wording) for wording in entry.wordings]
    passages += [Passage("advice", f"{check.do} {check.expect}") for check in entry.checks]
    passages += [Passage("advice", f"{remedy.do} {remedy.effect}") for remedy in entry.remedies]
    passages += [Passage("advice", part) for part in entry.why.split("\n\n") if part.strip()]
    return passages


def spoken_text(entry: Entry) -> str:
    """What sufferers say of this entry, for keyword search."""
    return "\n".join((entry.title, *entry.symptoms, *entry.wordings))


def written_text(entry: Entry) -> str:
    """What experts say in this entry, for keyword search."""
    parts = [entry.title, entry.cause, entry.why, entry.avoid_when, entry.otherwise]
    parts += [f"{check.do} {check.expect}" for check in entry.checks]
    parts += [f"{remedy.do} {remedy.effect}" for remedy in entry.remedies]
    parts += [*entry.messages, *(name.replace("-", " ") for name in entry.frameworks)]
    return "\n".join(parts)
