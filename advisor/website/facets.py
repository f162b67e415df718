"""Facets: what entries can be told apart by, and the form that narrows a list by them."""

from __future__ import annotations

from collections.abc import Sequence

from advisor import vocabulary
from advisor.entry import Entry

FACETS = {
    "category": vocabulary.CATEGORIES,
    "stage": vocabulary.STAGES,
    "framework": vocabulary.FRAMEWORKS,
    "architecture": vocabulary.ARCHITECTURES,
    "evidence": vocabulary.EVIDENCE,
}


def values_of(entry: Entry, facet: str) -> tuple[str, ...]:
    """The entry's values of a facet; `any` is not one of them."""
    found: tuple[str, ...] = {
        "category": (entry.category,),
        "stage": entry.stages,
        "framework": entry.frameworks,
        "architecture": entry.architectures,
        "evidence": (entry.evidence,),
    }[facet]
    return tuple(value for value in found if value != "any")


def narrowing(entries: Sequence[Entry], own: str = "") -> list[str]:
    """A form over the list of these entries: a choice a facet but the page's own, with counts.

    Plain HTML that ask.js makes work; hidden until then, with its place kept. Nothing when there
    is nothing to choose.
    """
    selects = []
    for facet, values in FACETS.items():
        counts = {
            value: sum(value in values_of(entry, facet) for entry in entries) for value in values
        }
        options = [
            f'<option value="{value}">{value} ({count})</option>'
            for value, count in counts.items()
            if count
        ]
        if facet != own and len(options) > 1:
            selects += [
                f'<label>{facet.capitalize()} <select name="{facet}">',
                '<option value="">all</option>',
                *options,
                "</select></label>",
            ]
    if not selects:
        return []
    reset = '<button type="reset">Show all</button> <output></output>'
    return ['<form class="facets" data-facets>', *selects, reset, "</form>", ""]
