"""An entry: one thing that goes wrong in training, how to tell, and what to do.

`Entry` is the one definition of the format. It is a plain frozen dataclass, so that reading
a ready index costs no pydantic import (48 ms + 40 ms to build the validator, measured on
2 cores); `entry_format` validates files against these same types and attribute docstrings.
"""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from typing import Annotated, Any

import annotated_types as at

from advisor.vocabulary import Architecture, Category, Evidence, Framework, Stage

Line = Annotated[str, at.Len(3, 600)]
Symptom = Annotated[str, at.Len(8, 300)]
Id = Annotated[str, at.Len(3, 60)]

STRICT = {"extra": "forbid", "use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class Check:
    """A quick experiment that confirms the cause or rules it out."""

    do: Line
    """What to do, in the imperative, doable in minutes."""
    expect: Line
    """What shows if this is the cause, with a threshold, and what shows if it is not."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to change."""

    do: Line
    """What to change, with numbers."""
    cost: Line
    """What it costs: time, memory, quality, effort."""
    effect: Line
    """What should be seen after it, and how soon."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim comes from."""

    title: Annotated[str, at.Len(5, 200)]
    """Author or project and title."""
    url: Annotated[str, at.Len(10, 300)]
    """An https address."""
    supports: Line
    """Which claim of this entry it supports."""
    seen: datetime.date | None = None
    """The day one of us last opened the text; left out if it was only read for the plan."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the knowledge base."""

    id: Id
    """The file name without .md: permanent, kebab-case, never reused."""
    title: Annotated[str, at.Len(8, 90)]
    """What is wrong, in the field's standard term."""
    category: Category
    stages: Annotated[tuple[Stage, ...], at.MinLen(1)]
    """When in the work it shows."""
    frameworks: Annotated[tuple[Framework, ...], at.MinLen(1)]
    """[any] unless it happens in certain libraries only."""
    architectures: Annotated[tuple[Architecture, ...], at.MinLen(1)]
    """[any] unless it happens to certain models only."""
    symptoms: Annotated[tuple[Symptom, ...], at.Len(8, 20)]
    """What a sufferer who does not know the cause would type, in many voices."""
    observables: dict[str, tuple[str, ...]]
    """What one would see in a log: name -> the values this cause produces."""
    cause: Annotated[str, at.Len(30, 320)]
    """One sentence."""
    checks: Annotated[tuple[Check, ...], at.Len(1, 5)]
    remedies: Annotated[tuple[Remedy, ...], at.Len(1, 6)]
    avoid_when: Line
    """When the remedies are wrong or not worth it."""
    evidence: Evidence
    """How sure it is: see CONTRIBUTING."""
    sources: Annotated[tuple[Source, ...], at.Len(2, 10)]
    related: Annotated[tuple[Id, ...], at.Len(1, 8)]
    """Ids of entries that look alike or come next."""
    reviewed: datetime.date
    messages: Annotated[tuple[Annotated[str, at.Len(4, 300)], ...], at.MaxLen(20)] = ()
    """Exact error lines, API names and flags, matched word for word."""
    contradicts: tuple[Id, ...] = ()
    """Ids of entries whose advice goes the other way; linked both ways."""
    seed: str | None = None
    """The heading of the original note that this entry carries on."""
    # Not front matter: read from the body, the companion file and the place of the file.
    why: str = ""
    example: str = ""
    otherwise: str = ""
    wordings: tuple[str, ...] = ()
    path: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready values; dates become ISO strings."""
        values = dataclasses.asdict(self)
        values["reviewed"] = self.reviewed.isoformat()
        for source in values["sources"]:
            source["seen"] = source["seen"] and source["seen"].isoformat()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Entry:
        """The entry that `to_dict` wrote; trusts its input and checks nothing."""
        ready: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        ready["observables"] = {key: tuple(seen) for key, seen in values["observables"].items()}
        ready["checks"] = tuple(Check(**check) for check in values["checks"])
        ready["remedies"] = tuple(Remedy(**remedy) for remedy in values["remedies"])
        ready["sources"] = tuple(
            Source(**{**source, "seen": seen and datetime.date.fromisoformat(seen)})
            for source in values["sources"]
            for seen in (source["seen"],)
        )
        ready["reviewed"] = datetime.date.fromisoformat(values["reviewed"])
        return cls(**ready)


for _part in (Check, Remedy, Source, Entry):
    # pydantic reads this name; a stdlib dataclass with slots takes it after the fact.
    setattr(_part, "__pydantic_config__", STRICT)  # noqa: B010 - mypy knows no such attribute

# Fields that are not written in the front matter.
COMPUTED_FIELDS = ("id", "why", "example", "otherwise", "wordings", "path")
FRONT_MATTER_FIELDS = tuple(
    item.name for item in dataclasses.fields(Entry) if item.name not in COMPUTED_FIELDS
)
