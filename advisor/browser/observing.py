"""What the site's script needs to read observations: the tables of observed, curves and signs."""

from __future__ import annotations

from typing import Any

from advisor import curves, observed, phrases
from advisor.index import Index
from advisor.vocabulary import OBSERVABLES


def observing_data(index: Index) -> dict[str, Any]:
    """The tables of observed.js, for an index's entries."""
    tags: dict[str, list[str]] = {}
    for group in phrases.PHRASES.values():
        for words, tag in group:
            tags.setdefault(tag, []).append(" ".join(words))
    rarities: dict[str, dict[str, float]] = {}
    for (name, value), rarity in index.signs.rarity.items():
        rarities.setdefault(name, {})[value] = rarity
    return {
        "observables": {name: values for name, (_, values) in OBSERVABLES.items()},
        "rarities": rarities,
        "phrases": {tag: "|".join(found) for tag, found in tags.items()},
        "means": [[*key, pairs] for key, pairs in phrases.MEANS.items()],
        "breaks": phrases.BREAKS,
        "negators": sorted(phrases.NEGATORS),
        "failures": sorted(phrases.FAILURES),
        "units": phrases.AFTER_STEPS,
        "notSo": phrases.NOT_SO,
        "heldOutWords": sorted(observed.HELD_OUT_WORDS),
        "scores": sorted(observed.SCORES),
        "negationReach": observed.NEGATION_REACH,
        "head": observed.HEAD,
        "tail": observed.TAIL,
        "largeGap": observed.LARGE_GAP,
        "smallGap": observed.SMALL_GAP,
        "curves": {
            "fewest": curves.FEWEST,
            "most": curves.MOST,
            "steady": curves.STEADY,
            "trend": curves.TREND,
            "spike": curves.SPIKE,
            "swing": curves.SWING,
            "climb": curves.CLIMB,
        },
    }
