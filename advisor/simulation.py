"""How much a conversation helps: simulated people who answer from the true entry's observables.

Each judged question becomes a case: the person types it (or only its beginning), the truth is one
of the entries graded 2, drawn once. The person answers with one of the true entry's typical
values. Where the entry lists none, half of the people say "don't know" and the others see what is
seen over all entries. On top, a share of the answers is spoilt: half of those are any option at
random, half "don't know". Counted is how often the true entry stands first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from advisor import index as indexes
from advisor import knowledge as knowledges
from advisor.answer import Advisor
from advisor.asking import options
from advisor.conversation import Conversation
from advisor.errors import BadSettings
from advisor.evaluation import Floats, interval
from advisor.followups import followups, typical
from advisor.judged import Judged
from advisor.reply import CHECK, CONFIRMED, DONT_KNOW, NOT_CONFIRMED, OTHER, Turn

QUESTIONS = 3
SPOILT = (0.0, 0.1, 0.2)
AFTER = 2  # questions after which the gain is told
VAGUE_WORDS = 12
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
POLICIES = ("most informative", "most common", "random")


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation to hold: what is known of the question, and the entry that is the truth."""

    conversation: Conversation
    truth: int


@dataclass(frozen=True)
class Simulation:
    """(beginning, policy, spoilt share) -> whether the truth is first, (cases, QUESTIONS + 1)."""

    first: Mapping[tuple[str, str, float], Floats]
    entries: int

    def to_json(self) -> list[dict[str, Any]]:
        """One object for each beginning, policy and share."""
        return [
            {
                "beginning": beginning,
                "policy": policy,
                "spoilt": spoilt,
                "cases": len(hits),
                "first_after": [round(float(share), 4) for share in hits.mean(axis=0)],
                "gain_after_two": dict(
                    zip(("mean", "low", "high"), interval(hits[:, AFTER] - hits[:, 0]))
                ),
            }
            for (beginning, policy, spoilt), hits in self.first.items()
        ]

    def table(self) -> str:
        """The figures as Markdown tables, one a beginning, with 95% intervals of the gain."""
        parts = []
        for beginning in dict.fromkeys(key[0] for key in self.first):
            rows = {key: hits for key, hits in self.first.items() if key[0] == beginning}
            cases = len(next(iter(rows.values())))
            parts.append(f"{cases} cases; the person types {beginning}.\n")
            heads = [f"after {count}" for count in range(1, QUESTIONS + 1)]
            parts.append(
                "| question asked | spoilt answers | at the start | "
                + " | ".join(heads)
                + f" | gain after {AFTER} |\n"
                + "|---" * (QUESTIONS + 4)
                + "|"
            )
            for (_, policy, spoilt), hits in rows.items():
                cells = " | ".join(f"{share:.2f}" for share in hits.mean(axis=0))
                mean, low, high = interval(hits[:, AFTER] - hits[:, 0])
                gain = f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"
                parts.append(f"| {policy} | {spoilt:.0%} | {cells} | {gain} |")
            parts.append("")
        return "\n".join(parts).rstrip()


def simulate(advisor: Advisor, questions: Sequence[Judged], seed: int = 0) -> Simulation:
    """Hold all conversations; raises BadSettings if no question has an entry graded 2."""
    advisor = without(advisor, questions)
    first = {}
    for beginning, shorten in (
        ("the whole question", str.strip),
        (f"its first sentence, at most {VAGUE_WORDS} words", vague),
    ):
        cases = _cases(advisor, questions, shorten, seed)
        for policy in POLICIES:
            for spoilt in SPOILT:
                # The same people for every policy.
                people = np.random.default_rng(seed).integers(0, 2**31, len(cases))
                first[beginning, policy, spoilt] = np.array(
                    [
                        _hold(case, policy, spoilt, np.random.default_rng(int(person)))
                        for case, person in zip(cases, people)
                    ],
                    np.float64,
                )
    return Simulation(first, len(advisor.knowledge))


def without(advisor: Advisor, questions: Sequence[Judged]) -> Advisor:
    """The same advisor with these questions left out of its index, where it holds any.

    Then also without the classifiers, which have learnt from them.
    """
    asked = {item.question for item in questions}
    full = knowledges.load(advisor.settings.kb)
    if not any(item.question in asked for item in full.judged):
        return advisor
    rest = tuple(item for item in full.judged if item.question not in asked)
    known = indexes.stored_vectors(advisor.index)
    return replace(advisor, index=indexes.build(replace(full, judged=rest), advisor.encoder, known))


def vague(text: str) -> str:
    """The first sentence of a text, cut after VAGUE_WORDS words."""
    return " ".join(_SENTENCE_END.split(text.strip())[0].split()[:VAGUE_WORDS])


def _cases(
    advisor: Advisor, questions: Sequence[Judged], shorten: Callable[[str], str], seed: int
) -> list[Case]:
    rng = np.random.default_rng(seed)
    ids = list(advisor.knowledge.entries)
    numbers = {name: number for number, name in enumerate(ids)}
    empty = Conversation.start(advisor)
    cases = []
    for item in questions:
        causes = [
            numbers[name] for name, grade in item.grades.items() if grade == 2 and name in numbers
        ]
        text = shorten(item.question)
        if not causes or not any(map(str.isalpha, text)):
            continue
        truth = causes[int(rng.integers(len(causes)))]
        told = replace(empty, turns=(Turn("tell", text=text),), ranked=advisor.rank(text))
        cases.append(Case(told, truth))
    if not cases:
        raise BadSettings(
            "No question has an entry graded 2 that exists here.",
            "Give a file of judged questions about these entries.",
        )
    return cases


def _hold(case: Case, policy: str, spoilt: float, rng: np.random.Generator) -> list[bool]:
    """Whether the truth is first at the start and after each question."""
    conversation = case.conversation
    belief = conversation.belief()
    hits = [int(np.argmax(belief[:-1])) == case.truth]
    for _ in range(QUESTIONS):
        name = _choose(conversation, policy, rng)
        if name:
            option, shown = _answer(conversation, name, case.truth, spoilt, rng)
            turn = Turn("answer", question=name, option=option, shown=shown)
            conversation = replace(conversation, turns=(*conversation.turns, turn))
            belief = conversation.belief()
        hits.append(int(np.argmax(belief[:-1])) == case.truth)
    return hits


def _choose(conversation: Conversation, policy: str, rng: np.random.Generator) -> str:
    """The question to ask next under a policy, "" when it asks no more."""
    ask = conversation.next_question(conversation.belief())
    if policy == "most informative" or ask is None:
        return ask.id if ask else ""
    left = [
        name for name in followups() if name not in {turn.question for turn in conversation.turns}
    ]
    if policy == "random":
        return left[int(rng.integers(len(left)))]
    entries = list(conversation.advisor.knowledge)
    return max(left, key=lambda name: sum(bool(typical(entry, name)) for entry in entries))


def _answer(
    conversation: Conversation, name: str, truth: int, spoilt: float, rng: np.random.Generator
) -> tuple[str, tuple[str, ...]]:
    """What the person answers, and the values that were offered when it is "none of these"."""
    entry = list(conversation.advisor.knowledge)[truth]
    if name.startswith(CHECK):
        right = CONFIRMED if name == f"{CHECK}{entry.id}" else NOT_CONFIRMED
        results = (CONFIRMED, NOT_CONFIRMED, DONT_KNOW)
        return (_spoil(results, rng) if rng.random() < spoilt else right), ()
    offered = tuple(
        option.id for option in options(conversation.beliefs, conversation.belief(), name)
    )
    shown = tuple(value for value in offered if value not in (OTHER, DONT_KNOW))
    values = typical(entry, name)
    if rng.random() < spoilt:
        value = _spoil(offered, rng)
    elif values:
        value = values[int(rng.integers(len(values)))]
    elif rng.random() < 0.5:
        value = DONT_KNOW
    else:
        seen = conversation.beliefs.likelihoods[name][-1, :-1]
        value = str(rng.choice(list(followups()[name].labels), p=seen / seen.sum()))
    if value not in offered:
        value = OTHER
    return value, shown if value == OTHER else ()


def _spoil(offered: Sequence[str], rng: np.random.Generator) -> str:
    return DONT_KNOW if rng.random() < 0.5 else offered[int(rng.integers(len(offered)))]
