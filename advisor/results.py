"""The frozen values that cross from the advisor to every front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from advisor.entry import Entry

Verdict = Literal["match", "unsure", "none"]
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that may fit: how probable it is that it helps, and why it was found."""

    entry: Entry
    probability: float
    why: tuple[str, ...]
    features: Mapping[str, float] = field(default_factory=dict)
    url: str = ""

    def to_json(self) -> dict[str, Any]:
        """The match as DESIGN's contract has it."""
        return {
            "id": self.entry.id,
            "title": self.entry.title,
            "probability": round(self.probability, 4),
            "why": list(self.why),
            "cause": self.entry.cause,
            "checks": [{"do": check.do, "expect": check.expect} for check in self.entry.checks],
            "remedies": [
                {"do": remedy.do, "cost": remedy.cost, "effect": remedy.effect}
                for remedy in self.entry.remedies
            ],
            "url": self.url,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on a question and its matches, best first.

    `match`: the first match probably helps. `unsure`: the nearest entries, none of them sure.
    `none`: nothing fits; the matches are only the nearest. `note` is a sentence for the person.
    """

    question: str
    verdict: Verdict
    matches: tuple[Match, ...]
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The object that `ask --json` prints; its keys are a contract."""
        return {
            "schema": SCHEMA,
            "question": self.question,
            "verdict": self.verdict,
            "matches": [match.to_json() for match in self.matches],
        }


# From which probability people say what; the last holds for all below.
LIKELIHOODS = (
    # Above where the verdict becomes a match: "not sure" and "very likely" would contradict.
    (0.85, "very likely"),
    (0.5, "likely"),
    (0.25, "possible"),
    (0.08, "unlikely"),
    (0.0, "very unlikely"),
)


def in_words(probability: float) -> str:
    """A probability as people say it."""
    return next(words for floor, words in LIKELIHOODS if probability >= floor)
