"""A conversation: what a person told, answered and tried, and what the advisor makes of it.

A `Conversation` is a frozen value: the turns so far. Everything else is worked out from them, so
that undoing is leaving one out and saving is writing them down. `Reply.conversation` goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from advisor import question as questions
from advisor.answer import NO_FILTER, Advisor, Filter, Ranked
from advisor.asking import next_question, options
from advisor.beliefs import Beliefs, Floats, normalised
from advisor.errors import BadQuestion, UnknownName
from advisor.followups import followups
from advisor.observed import measured
from advisor.reasoning import answers_that_fit, heard, ruled_out
from advisor.reply import (
    CHECK,
    CONFIRMED,
    DONT_KNOW,
    NOT_CONFIRMED,
    OTHER,
    Ask,
    Confirm,
    Move,
    Reply,
    Turn,
)
from advisor.results import Answer, Verdict
from advisor.safe_text import printable
from advisor.settings import DEFAULT_TOP

SCHEMA = 1
# After an answer: a leading entry this probable is a match, and nothing fits when "none" is.
MATCH_FROM = 0.5
NONE_FROM = 0.75

# A turn needs it three times; 2 ms for a log of 20,000 characters.
_measured = functools.lru_cache(maxsize=8)(measured)


@dataclass(frozen=True)
class Conversation:
    """The turns so far with one advisor. Begin with `start`, go on with `Reply.conversation`."""

    advisor: Advisor = field(repr=False, compare=False)
    beliefs: Beliefs = field(repr=False, compare=False)
    turns: tuple[Turn, ...] = ()
    only: Filter = NO_FILTER
    top: int = DEFAULT_TOP
    # What the ranker said to the text told so far: encoding takes 5 to 35 ms, a turn 2.
    ranked: Ranked | None = field(default=None, repr=False, compare=False)

    @classmethod
    def start(
        cls, advisor: Advisor, only: Filter = NO_FILTER, top: int = DEFAULT_TOP
    ) -> Conversation:
        """An empty conversation."""
        return cls(advisor, Beliefs.build(advisor.knowledge), only=only, top=top)

    @property
    def told(self) -> str:
        """All that the person told in words; the longest last if not all of it can be read."""
        texts = [turn.text for turn in self.turns if turn.kind == "tell"]
        if sum(map(len, texts)) + len(texts) > questions.MAX_CHARACTERS:
            texts.sort(key=len)
        return "\n".join(texts)

    def tell(self, text: str) -> Reply:
        """Say something in words, at the beginning or later; raises BadQuestion for nothing."""
        questions.read(text)  # an empty line more is nothing said, too
        # Kept and listed as it is: a lone surrogate cannot be saved, an escape acts when printed.
        turn = Turn("tell", text=printable(text))
        ranked = self.advisor.rank(replace(self, turns=(*self.turns, turn)).told)
        return replace(self, ranked=ranked)._turn(turn)

    def answer(self, question: str, option: str) -> Reply:
        """Answer a question, also one that was not asked; raises UnknownName for what is none."""
        self._require_words()
        shown: tuple[str, ...] = ()
        if question.startswith(CHECK):
            self.advisor.knowledge.get(question.removeprefix(CHECK))
            known: Iterable[str] = (CONFIRMED, NOT_CONFIRMED, DONT_KNOW)
        else:
            if question not in followups():
                raise UnknownName("question", question, followups(), "Its id is in `ask`.")
            asked = options(self.beliefs, self.belief(), question)
            shown = tuple(item.id for item in asked if item.id not in (OTHER, DONT_KNOW))
            known = (*followups()[question].labels, OTHER, DONT_KNOW)
        if option not in known:
            raise UnknownName("option", option, known, f"There are: {', '.join(known)}")
        shown = shown if option == OTHER else ()
        return self._turn(Turn("answer", question=question, option=option, shown=shown))

    def reject(self, entry_id: str) -> Reply:
        """Say that an entry is not it, or that its remedy did not help."""
        self._require_words()
        self.advisor.knowledge.get(entry_id)
        return self._turn(Turn("reject", entry=entry_id))

    def undo(self) -> Reply | None:
        """The reply before the last turn; None when that was the first."""
        return None if len(self.turns) < 2 else self._until(len(self.turns) - 1)._reply()

    def reply(self) -> Reply | None:
        """The reply to the last turn once more; None before the first."""
        return self._reply() if self.turns else None

    def replies(self) -> tuple[Reply, ...]:
        """The reply after each turn; each stretch of words that was told is encoded again."""
        return tuple(self._until(count)._reply() for count in range(1, len(self.turns) + 1))

    def belief(self) -> Floats:
        """The probability of each entry and, last, of none; shape (entries + 1,), sum 1."""
        belief = self.beliefs.prior(self._ranked().probabilities)
        if self.only != NO_FILTER:
            through = [self.only.lets_through(entry) for entry in self.advisor.knowledge]
            belief = belief * np.array([*through, True])
        answered = {turn.question for turn in self.turns}
        for question, values in _measured(self.told).items():
            if question not in answered:
                belief = belief * self.beliefs.of_measured(question, values)
        for turn in self.turns:
            if turn.kind == "answer":
                belief = belief * self._likelihood(turn)
            elif turn.kind == "reject" and turn.entry in self.advisor.knowledge:
                belief[self._number(turn.entry)] = 0
        return normalised(belief)

    def next_question(self, belief: Floats) -> Ask | None:
        """The question worth asking now, given `self.belief()`."""
        entries = list(self.advisor.knowledge)
        return next_question(self.beliefs, belief, self.turns, self.told, entries)

    def to_json(self) -> dict[str, Any]:
        """The conversation as JSON-ready values."""
        return {
            "schema": SCHEMA,
            "turns": [turn.to_json() for turn in self.turns],
            "only": {name: getattr(self.only, name) for name in self.only.__dataclass_fields__},
            "top": self.top,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], advisor: Advisor) -> Conversation:
        """The conversation that `to_json` wrote; raises ValueError for anything else.

        Turns about entries or questions that no longer exist are left out.
        """
        try:
            if values["schema"] != SCHEMA:
                raise ValueError(f"schema {values['schema']!r} is not {SCHEMA}")
            turns = tuple(Turn.from_json(turn) for turn in values["turns"])
            only = Filter(**values.get("only", {}))
            empty = cls.start(advisor, only, int(values.get("top", DEFAULT_TOP)))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no conversation: {error!r}") from error
        kept = tuple(turn for turn in turns if empty._still_means_something(turn))
        if kept and kept[0].kind != "tell":
            raise ValueError("a conversation begins with what the person told")
        return replace(empty, turns=kept)

    def _still_means_something(self, turn: Turn) -> bool:
        if turn.kind == "reject":
            return turn.entry in self.advisor.knowledge
        if turn.kind == "answer" and turn.question.startswith(CHECK):
            return turn.question.removeprefix(CHECK) in self.advisor.knowledge
        if turn.kind == "answer":
            followup = followups().get(turn.question)
            return followup is not None and turn.option in (*followup.labels, OTHER, DONT_KNOW)
        return bool(turn.text.strip())

    def _require_words(self) -> None:
        if not self.turns:
            raise BadQuestion("Nothing was told yet.", "Begin with what you see.")

    def _turn(self, turn: Turn) -> Reply:
        # A second answer to a question takes the place of the first.
        kept = tuple(
            old
            for old in self.turns
            if not (turn.kind == "answer" and old.question == turn.question)
        )
        return replace(self, turns=(*kept, turn))._reply()

    def _until(self, count: int) -> Conversation:
        """The conversation of the first `count` turns."""
        shorter = replace(self, turns=self.turns[:count])
        return shorter if shorter.told == self.told else replace(shorter, ranked=None)

    def _ranked(self) -> Ranked:
        if self.ranked is None:
            # The one place where a frozen value is filled in: a resumed conversation is encoded
            # when it is first needed, and the result depends on nothing but the turns.
            object.__setattr__(self, "ranked", self.advisor.rank(self.told))
        assert self.ranked is not None  # noqa: S101 - set above
        return self.ranked

    def _number(self, entry_id: str) -> int:
        return list(self.advisor.knowledge.entries).index(entry_id)

    def _likelihood(self, turn: Turn) -> Floats:
        if not turn.question.startswith(CHECK):
            return self.beliefs.of_answer(turn.question, turn.option, turn.shown)
        if turn.option == DONT_KNOW:
            return np.ones(self.beliefs.entries + 1)
        number = self._number(turn.question.removeprefix(CHECK))
        return self.beliefs.of_check(number, turn.option == CONFIRMED)

    def _reply(self) -> Reply:
        belief = self.belief()
        before = self._until(len(self.turns) - 1).belief() if len(self.turns) > 1 else belief
        ranked, entries = self._ranked(), list(self.advisor.knowledge)
        order = [
            int(number) for number in np.argsort(-belief[:-1], kind="stable") if belief[number] > 0
        ][: self.top]
        matches = []
        for number in order:
            match = self.advisor.match(ranked, number, float(belief[number]))
            fits = answers_that_fit(self.turns, match.entry, _measured(self.told))
            matches.append(replace(match, why=(*fits, *match.why)))
        last = self.turns[-1]
        note = ranked.question.note if last.kind == "tell" else ""  # it was told then
        answer = Answer(ranked.question.text, self._verdict(belief), tuple(matches), note)
        shown = {match.entry.id for match in matches}
        lead = answer.matches[0].entry if matches else None
        return Reply(
            answer=answer,
            ask=self.next_question(belief),
            none=float(belief[-1]),
            moves=tuple(
                Move(entry.id, entry.title, float(before[number]), float(belief[number]))
                for number, entry in enumerate(entries)
                if entry.id in shown
            )
            if len(self.turns) > 1
            else (),
            ruled_out=ruled_out(last, before, belief, entries),
            confirm=Confirm(lead.id, lead.title, lead.checks[0]) if lead else None,
            look_elsewhere=entries[self._number(last.entry)].otherwise
            if last.kind == "reject"
            else "",
            heard=heard(last.text) if last.kind == "tell" else (),
            conversation=self,
        )

    def _verdict(self, belief: Floats) -> Verdict:
        if all(turn.kind == "tell" for turn in self.turns):
            return self.advisor.verdict(self._ranked(), self.only)
        if float(belief[:-1].max()) >= MATCH_FROM:
            return "match"
        return "none" if belief[-1] >= NONE_FROM else "unsure"
