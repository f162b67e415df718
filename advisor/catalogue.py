"""The entries without the search: from a ready index's plain files, else from kb/ itself.

`list`, `show` and completion must answer in 0.2 s, so this imports no numpy, faiss or pydantic
while the entries have not changed since the index was made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from advisor import knowledge as knowledges
from advisor import packed_entries, places
from advisor.knowledge import Knowledge
from advisor.settings import Settings


def load(settings: Settings, report: Callable[[str], None] = lambda _: None) -> Knowledge:
    """Every readable entry of the settings' folders; `report` gets what is left out."""
    folder = places.ready_folder(settings)
    if folder is not None:
        try:
            return Knowledge(packed_entries.read(folder), tuple(places.bad_of(folder)))
        except (OSError, ValueError, KeyError, TypeError):
            # A damaged index is the searching commands' business; the files are still there.
            pass
    loaded = knowledges.load(settings.kb)
    for bad in loaded.bad:
        report(f"Left out: {bad.message}")
    return knowledges.require_some(loaded)


def index_facts(settings: Settings) -> tuple[Path | None, str]:
    """The folder of the ready index and the encoder that made it; None and '' without one."""
    folder = places.ready_folder(settings)
    return folder, str(places.manifest_of(folder).get("encoder", "")) if folder else ""
