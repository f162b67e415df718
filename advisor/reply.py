"""The frozen values of a conversation that cross to every front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from advisor.entry import Check
from advisor.results import Answer

TurnKind = Literal["tell", "answer", "reject"]
DONT_KNOW, OTHER = "dont-know", "other"
CONFIRMED, NOT_CONFIRMED = "confirmed", "not-confirmed"
CHECK = "check:"
# What people type instead of a number.
UNKNOWN = frozenset(
    "don't know|i don't know|dont know|i dont know|no idea|not sure|idk|skip|?".split("|")
)
OF_A_CHECK = {"yes": CONFIRMED, "no": NOT_CONFIRMED}
NONE_OF_THESE = "none of these"  # how OTHER reads


@dataclass(frozen=True, slots=True)
class Turn:
    """What the person did: told something, answered a question, or said an entry was not it.

    `shown` holds the values that were offered, which is what "none of these" excludes.
    """

    kind: TurnKind
    text: str = ""
    question: str = ""
    option: str = ""
    entry: str = ""
    shown: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields that are set."""
        fields = ("kind", "text", "question", "option", "entry", "shown")
        return {name: value for name in fields if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Turn:
        """The turn that `to_json` wrote; raises ValueError for anything else."""
        if values.get("kind") not in ("tell", "answer", "reject"):
            raise ValueError(f"no such kind of turn: {values.get('kind')!r}")
        texts = {
            name: str(values.get(name, "")) for name in ("text", "question", "option", "entry")
        }
        return cls(values["kind"], **texts, shown=tuple(map(str, values.get("shown", ()))))


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the person. `gain` is what an answer is expected to tell, in bits."""

    id: str
    text: str
    options: tuple[Option, ...]
    gain: float = 0.0

    def chosen(self, text: str) -> Option | None:
        """The option that a typed line names: by its number, its words, or "don't know"."""
        said = text.strip().lower().replace("’", "'").rstrip(".!")
        name = OF_A_CHECK.get(said, "") if self.id.startswith(CHECK) else ""
        if said in UNKNOWN:
            name = DONT_KNOW
        for number, option in enumerate(self.options, start=1):
            if said in (str(number), option.label.lower()) or option.id == name:
                return option
        return None

    def to_json(self) -> dict[str, Any]:
        """The object that programs get."""
        options = [{"id": option.id, "label": option.label} for option in self.options]
        return {"id": self.id, "text": self.text, "options": options}


@dataclass(frozen=True, slots=True)
class Move:
    """How probable an entry was before the last turn and is now."""

    entry: str
    title: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class RuledOut:
    """An entry that was among the candidates and no longer is, with the reason."""

    entry: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """The quickest check of the leading entry."""

    entry: str
    title: str
    check: Check


@dataclass(frozen=True)
class Reply:
    """What the advisor says after a turn; `conversation` is where it goes on.

    `none` is the probability that no entry fits. `look_elsewhere` holds, after a remedy failed,
    what that entry says about its look-alikes (Markdown). `heard` are the observables that were
    read from the person's own words, as sentences.
    """

    answer: Answer
    ask: Ask | None
    none: float
    moves: tuple[Move, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    confirm: Confirm | None = None
    look_elsewhere: str = ""
    heard: tuple[str, ...] = ()
    conversation: Any = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The answer's object, extended by `ask` alone; its keys are a contract."""
        return {**self.answer.to_json(), "ask": self.ask and self.ask.to_json()}
