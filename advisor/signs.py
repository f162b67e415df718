"""How what a question says is observed agrees with what each entry says, as two features.

The question's observables are read by `advisor.observed`; the entries' stand in their metadata.
A question that says nothing of these gets zeros, which change no order. Frameworks and
architectures that a question names were tried as features too: the fit gave them no weight.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.entry import Entry
from advisor.observed import observed

Rows = npt.NDArray[np.bool_]
Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Signs:
    """What the entries say of themselves, by value; every array has shape (entries,)."""

    size: int
    # Observable -> the entries that say anything of it.
    telling: Mapping[str, Rows]
    # Observable and value -> the entries that show it.
    showing: Mapping[tuple[str, str], Rows]
    # The same -> the logarithm of entries over entries that show it.
    rarity: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Signs:
        """The signs of entries, in their order."""
        listed = list(entries)
        every = [frozenset(_pairs(entry)) for entry in listed]
        counts = Counter(pair for pairs in every for pair in pairs)
        return cls(
            size=len(listed),
            telling={
                name: np.array([name in entry.observables for entry in listed], bool)
                for name in {name for name, _ in counts}
            },
            showing={pair: np.array([pair in pairs for pairs in every], bool) for pair in counts},
            rarity={pair: math.log(len(listed) / count) for pair, count in counts.items()},
        )

    def features(self, text: str) -> dict[str, Column]:
        """`observed` and `contradicted` of every entry for a text, shape (entries,) each."""
        shared, against = np.zeros(self.size), np.zeros(self.size)
        for name, values in observed(text).items():
            hit, most = np.zeros(self.size, bool), np.zeros(self.size)
            for value in values:
                rows = self.showing.get((name, value))
                if rows is not None:
                    hit |= rows
                    most = np.maximum(most, np.where(rows, self.rarity[name, value], 0.0))
            shared += most
            if name in self.telling:
                against += self.telling[name] & ~hit
        return {"observed": shared, "contradicted": against}


def _pairs(entry: Entry) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, values in entry.observables.items() for value in values)
