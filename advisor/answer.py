"""The advisor: one question in, one answer out, the same on every surface."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor import encoder as encoders
from advisor import question as questions
from advisor import ranking, store
from advisor.encoder import Encoder, Floats, Progress
from advisor.entry import Entry
from advisor.errors import AdvisorError
from advisor.explanation import reasons
from advisor.index import Index
from advisor.knowledge import Knowledge
from advisor.learned import Learned, load_learned
from advisor.question import Question
from advisor.ranking import FEATURES, Ranker
from advisor.results import Answer, Match, Verdict
from advisor.settings import DEFAULT_TOP, Settings

# Questions that are encoded at a time: enough to sort them by length, and soon answered.
TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries may answer; an empty field lets all through. `any` in an entry fits all."""

    category: str = ""
    framework: str = ""
    stage: str = ""
    architecture: str = ""
    evidence: str = ""

    def lets_through(self, entry: Entry) -> bool:
        """Whether the entry fits every field that is set."""
        return (
            self.category in ("", entry.category)
            and self.evidence in ("", entry.evidence)
            and _fits(self.framework, entry.frameworks)
            and _fits(self.stage, entry.stages)
            and _fits(self.architecture, entry.architectures)
        )


def _fits(wanted: str, values: tuple[str, ...]) -> bool:
    return not wanted or wanted in values or "any" in values


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question and what the ranker thinks of every entry, in the order of the knowledge.

    `gist` is what was searched for. `features` has shape (entries, FEATURES), `known` (whether
    the classifiers know the entry) and `probabilities` (entries,).
    """

    question: Question
    gist: str
    vector: Floats
    features: Floats
    known: npt.NDArray[np.bool_]
    probabilities: Floats


@dataclass(frozen=True)
class Advisor:
    """Answers questions. Frozen and only read, so threads may share it."""

    index: Index
    encoder: Encoder
    ranker: Ranker
    settings: Settings
    learned: Learned | None = None

    @property
    def knowledge(self) -> Knowledge:
        """The entries it answers from."""
        return self.index.knowledge

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The same entries by their number."""
        return tuple(self.knowledge)

    def rank(self, question: str) -> Ranked:
        """What the ranker thinks of every entry; raises BadQuestion for no question."""
        asked = questions.read(question)
        gist = questions.gist(asked.text)
        return self._rank(asked, gist, self.encoder.encode([gist])[0])

    def _rank(self, asked: Question, gist: str, vector: Floats) -> Ranked:
        features = ranking.features(self.index, self.learned, gist, vector, asked.text)
        known = ranking.known_entries(self.index, self.learned)
        return Ranked(
            asked, gist, vector, features, known, self.ranker.probabilities(features, known)
        )

    def ask(self, question: str, top: int = DEFAULT_TOP, only: Filter = NO_FILTER) -> Answer:
        """The verdict and up to `top` matches, best first; raises BadQuestion for no question."""
        return self._answer(self.rank(question), top, only)

    def ask_all(
        self, asked: Sequence[str], top: int = DEFAULT_TOP, only: Filter = NO_FILTER
    ) -> Iterator[Answer]:
        """The answer to each question, in order; raises BadQuestion when it comes to one.

        Short questions are encoded half again as fast as one by one, long ones a fifth faster. A
        probability may differ from that of `ask` in the sixth digit.
        """
        for start in range(0, len(asked), TOGETHER):
            read = [questions.read(question) for question in asked[start : start + TOGETHER]]
            gists = [questions.gist(question.text) for question in read]
            for parts in zip(read, gists, self.encoder.encode(gists)):
                yield self._answer(self._rank(*parts), top, only)

    def _answer(self, ranked: Ranked, top: int, only: Filter) -> Answer:
        order = self._order(ranked, only)
        matches = tuple(
            self.match(ranked, int(number), float(ranked.probabilities[number]))
            for number in order[:top]
        )
        asked = ranked.question
        return Answer(asked.text, self._verdict(ranked, order), matches, asked.note)

    def verdict(self, ranked: Ranked, only: Filter = NO_FILTER) -> Verdict:
        """What to say when the best entry that may answer has its probability."""
        return self._verdict(ranked, self._order(ranked, only))

    def _order(self, ranked: Ranked, only: Filter) -> npt.NDArray[np.intp]:
        """The numbers of the entries that may answer, best first."""
        # Stable, so that equal probabilities keep the order of ids on every machine.
        order = np.argsort(-ranked.probabilities, kind="stable")
        if only == NO_FILTER:
            return order
        return order[[only.lets_through(self.entries[number]) for number in order]]

    def _verdict(self, ranked: Ranked, order: npt.NDArray[np.intp]) -> Verdict:
        if not len(order):
            return self.ranker.verdict(0.0, False)
        best = order[0]
        return self.ranker.verdict(float(ranked.probabilities[best]), bool(ranked.known[best]))

    def match(self, ranked: Ranked, number: int, probability: float) -> Match:
        """The entry of that number as a match of a ranked question."""
        entry = self.entries[number]
        return Match(
            entry=entry,
            probability=probability,
            why=reasons(entry, ranked.gist, ranked.vector, self.index, number),
            features=dict(zip(FEATURES, map(float, ranked.features[number]))),
            url=self.settings.page(entry.id),
        )


def open_advisor(
    settings: Settings,
    report: Callable[[str], None] = lambda _: None,
    progress: Callable[[int], Progress] | None = None,
) -> Advisor:
    """The composition root: index, encoder and ranker for these settings.

    `report` gets sentences about what is left out or built again; `progress` as in store.update.
    """
    index = store.open_index(settings, report, progress)
    encoder = encoders.open_encoder(settings.encoder, settings.encoder_folder)
    if encoder.name != index.encoder_name:
        raise AdvisorError(
            f"The index was made by the encoder '{index.encoder_name}', not '{encoder.name}'.",
            "Make it again: dladvisor index --all",
        )
    learned = load_learned()
    # Its weights are for one encoder's vectors; with another, all entries are ranked without.
    taught = learned if learned.encoder == encoder.name else None
    return Advisor(index, encoder, ranking.load_ranker(), settings, taught)
