"""What is believed about the cause while a person answers: Bayes over entries and "none".

The prior comes from the ranker's probabilities p, which are separate: each entry may help or not.
A person's trouble is taken to have one cause, or none that is known here. If the entries were
independent, "exactly this one helps" would be as probable as p / (1 - p) and "none helps" as 1,
up to a common factor. So the odds, with 1 for none, divided by their sum, are the prior.

An answer is a value, or "don't know". An entry that lists typical values gives each an equal
share; WRONG of the time people answer something else. An entry that lists none is uncertain: any
value may be seen, as often as over all entries, the normal one more often, and "don't know" is
more likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.followups import followups, typical
from advisor.knowledge import Knowledge

Floats = npt.NDArray[np.float64]

# Chosen on 700 judged questions with simulated people; 0.1 to 0.3 give the same within 2 points.
WRONG = 0.15
# Of an entry that lists typical values, and of one that lists none. Simulated people would have
# 0.1 and 0.5 (3 points more), but real ones often do not know what they could have looked up.
DONT_KNOW = 0.25
DONT_KNOW_IF_UNLISTED = 0.4
# What a person sees who has another trouble: memory is steady when the labels are wrong. Entries
# list what is odd, so an entry that says nothing of memory most likely means this; without it the
# few entries that say "steady" were five times as probable after that answer, and won by it.
NORMAL = {
    "gradients": "normal",
    "updates": "normal",
    "activations": "normal",
    "outputs": "plausible",
    "stops_with": "nothing",
    "memory": "stable",
    "speed": "normal",
}
NORMAL_IF_UNLISTED = 0.5
# A check that is done tells more than a look at a curve. Its expectation says what is seen if this
# is not the cause, so "it rules it out" is surer than "it confirms it", which look-alikes share:
# at 0.85 for both, an entry at 59% stayed first after its check had ruled it out.
CONFIRMED_RIGHT, RULED_OUT_RIGHT = 0.85, 0.95
# Candidates among which a question is to decide. All entries would let the long tail of nearly
# impossible ones choose the question.
CANDIDATES = 10
SMALLEST = 1e-9


@dataclass(frozen=True)
class Beliefs:
    """Likelihoods of answers: for each question an array of shape (entries + 1, values + 1).

    The last row is "none of these entries", the last column "don't know".
    """

    likelihoods: dict[str, Floats]
    entries: int

    @classmethod
    def build(cls, knowledge: Knowledge) -> Beliefs:
        """The likelihoods for these entries."""
        entries = list(knowledge)
        likelihoods = {}
        for name, followup in followups().items():
            values = list(followup.labels)
            listed = np.zeros((len(entries) + 1, len(values)))
            for row, entry in enumerate(entries):
                known = [values.index(value) for value in typical(entry, name)]
                listed[row, known] = 1 / len(known) if known else 0
            # How often a value is seen over all entries; every value may be seen.
            overall = (listed.sum(axis=0) + 1) / (listed.sum() + len(values))
            unlisted = overall
            if name in NORMAL:
                usual = np.array([value == NORMAL[name] for value in values], np.float64)
                unlisted = (1 - NORMAL_IF_UNLISTED) * overall + NORMAL_IF_UNLISTED * usual
            says = listed.any(axis=1, keepdims=True)
            seen = np.where(says, (1 - WRONG) * listed + WRONG * overall, unlisted)
            unknown = np.where(says, DONT_KNOW, DONT_KNOW_IF_UNLISTED)
            likelihoods[name] = np.hstack([seen * (1 - unknown), unknown])
        return cls(likelihoods, len(entries))

    def prior(self, probabilities: npt.ArrayLike) -> Floats:
        """Shape (entries + 1,), sum 1, from the ranker's probability of each entry."""
        separate = np.clip(np.asarray(probabilities, np.float64), SMALLEST, 1 - 1e-6)
        return normalised(np.append(separate / (1 - separate), 1.0))

    def of_answer(self, question: str, value: str, shown: Sequence[str] = ()) -> Floats:
        """The likelihood of an answer, shape (entries + 1,).

        `value` is one of the question's values, "other" (none of those `shown`) or "dont-know".
        Raises KeyError for a question or value that does not exist.
        """
        table = self.likelihoods[question]
        values = list(followups()[question].labels)
        if value == "dont-know":
            return np.asarray(table[:, -1])
        if value == "other":
            hidden = [place for place, name in enumerate(values) if name not in shown]
            return np.asarray(table[:, hidden].sum(axis=1) + SMALLEST)
        if value not in values:
            raise KeyError(value)
        return np.asarray(table[:, values.index(value)])

    def of_measured(self, question: str, values: Sequence[str]) -> Floats:
        """The likelihood of what a log shows: one of these values, each as likely to be meant."""
        return np.asarray(
            np.mean([self.of_answer(question, value) for value in values], axis=0, dtype=np.float64)
        )

    def of_check(self, number: int, confirmed: bool) -> Floats:
        """The likelihood of a check of one entry that came out as expected, or did not."""
        right = CONFIRMED_RIGHT if confirmed else RULED_OUT_RIGHT
        likelihood = np.full(self.entries + 1, 1 - right if confirmed else right)
        likelihood[number] = right if confirmed else 1 - right
        return likelihood

    def gains(self, belief: Floats, names: Sequence[str]) -> dict[str, float]:
        """Question -> expected information in bits about which of the leading entries it is."""
        leading = np.argsort(-belief[:-1], kind="stable")[:CANDIDATES]
        weights = normalised(belief[leading])
        gains = {}
        for name in names:
            table = self.likelihoods[name][leading]
            answers = weights @ table
            within = weights @ (table * np.log2(table)).sum(axis=1)
            gains[name] = float(within - (answers * np.log2(answers)).sum())
        return gains

    def expected(self, belief: Floats, question: str) -> list[str]:
        """The question's values, the most expected first."""
        values = list(followups()[question].labels)
        share = belief @ self.likelihoods[question][:, :-1]
        return [values[place] for place in np.argsort(-share, kind="stable")]


def normalised(weights: Floats) -> Floats:
    """The same, with sum 1."""
    return np.asarray(weights / weights.sum())
