"""Whether a stated probability means what it says, and what asking for more certainty costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BINS = 10
COVERAGES = (1.0, 0.8, 0.6, 0.4, 0.2)


@dataclass(frozen=True)
class Said:
    """The first entry's probability of each question, and whether that entry was right."""

    probabilities: Floats
    right: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, bool]]) -> Said:
        """From (probability, right) pairs."""
        return cls(
            np.array([pair[0] for pair in pairs], np.float64),
            np.array([pair[1] for pair in pairs], bool),
        )

    def bins(self) -> list[tuple[float, float, int]]:
        """Ten equally filled bins: mean probability, share that was right, questions."""
        order = np.argsort(self.probabilities)
        return [
            (float(self.probabilities[part].mean()), float(self.right[part].mean()), len(part))
            for part in np.array_split(order, BINS)
            if len(part)
        ]

    def error(self) -> float:
        """The expected calibration error over these bins (Naeini et al. 2015)."""
        found = [count * abs(said - right) for said, right, count in self.bins()]
        return float(sum(found) / max(len(self.right), 1))

    def risks(self) -> list[tuple[float, float, float]]:
        """Share of questions answered, lowest probability among them, share of these wrong."""
        order = np.argsort(-self.probabilities)
        rows = []
        for coverage in COVERAGES:
            part = order[: max(1, round(coverage * len(order)))]
            rows.append(
                (coverage, float(self.probabilities[part[-1]]), float(1 - self.right[part].mean()))
            )
        return rows
