"""Passages: the pieces of an entry that are embedded one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.entry import Entry
from advisor.judged import Judged
from advisor.knowledge import Knowledge

Kind = Literal["title", "symptom", "wording", "post"]
KINDS: tuple[Kind, ...] = ("title", "symptom", "wording", "post")
# Enough that two of a million passages share one with a chance below 1e-7.
HASH_BYTES = 8
# What a sufferer would type, against what an expert would write.
SPOKEN: tuple[Kind, ...] = ("symptom", "wording", "post")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of an entry that is embedded, and what it is."""

    kind: Kind
    text: str

    @property
    def hash(self) -> str:
        """Identifies the text: passages of one hash share one vector."""
        return hashlib.blake2b(self.text.encode(), digest_size=HASH_BYTES).hexdigest()


def split(entry: Entry, posts: Sequence[Judged] = ()) -> list[Passage]:
    """The passages of an entry in a fixed order; the first is its title with its cause.

    Checks, remedies and explanation are left to keywords: as passages of their own they took
    a weight of -0.13 beside 0.7 to 1.0 of the others, and a tenth of the index.

    `posts` are the judged questions of which this entry is the cause or fix. Those of which it is
    one of several good answers were passages too, until the ranking was better without them.
    """
    passages = [Passage("title", f"{entry.title}. {entry.cause}")]
    passages += [Passage("symptom", symptom) for symptom in entry.symptoms]
    passages += [Passage("wording", wording) for wording in entry.wordings]
    return passages + [Passage("post", post.question) for post in posts]


def posts_of(knowledge: Knowledge) -> dict[str, list[Judged]]:
    """Entry id -> the judged questions of which it is the cause or fix, in their order."""
    found: dict[str, list[Judged]] = {entry_id: [] for entry_id in knowledge.entries}
    for post in knowledge.judged:
        for entry_id, grade in post.grades.items():
            if grade == 2 and entry_id in found:
                found[entry_id].append(post)
    return found


def spoken_text(entry: Entry, posts: Sequence[Judged] = ()) -> str:
    """What sufferers say of this entry, for keyword search."""
    asked = (post.question for post in posts)
    return "\n".join((entry.title, *entry.symptoms, *entry.wordings, *asked))


def written_text(entry: Entry) -> str:
    """What experts say in this entry, for keyword search."""
    parts = [entry.title, entry.cause, entry.why, entry.avoid_when, entry.otherwise]
    parts += [f"{check.do} {check.expect}" for check in entry.checks]
    parts += [f"{remedy.do} {remedy.effect}" for remedy in entry.remedies]
    parts += [*entry.messages, *(name.replace("-", " ") for name in entry.frameworks)]
    return "\n".join(parts)
