"""Opening, updating and replacing an index without a gap.

Writing makes a new folder and then replaces the file `current` in one step, so that a crash or
Ctrl-C at any point leaves the old index usable.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from advisor import encoder as encoders
from advisor import index as indexes
from advisor import knowledge as knowledges
from advisor import places
from advisor.encoder import Encoder, Floats, Progress
from advisor.errors import NoIndex
from advisor.index import Index
from advisor.passages import posts_of, split
from advisor.settings import Settings, built_in_kb

Report = Callable[[str], None]
# Versions kept beside the current one, for processes that are just opening it.
KEPT_VERSIONS = 1
# Unfinished folders younger than this may belong to a process that is still writing.
UNFINISHED_SECONDS = 3600
# Building all of a large knowledge base takes some minutes.
BUILD_SECONDS = 600


def _quiet(_: object) -> None:
    """Neither progress nor reports."""


@dataclass(frozen=True, slots=True)
class Update:
    """What `update` did: the index, how many passages it encoded, and where it is, if saved."""

    index: Index
    encoded: int
    folder: Path | None


def open_index(
    settings: Settings, report: Report = _quiet, progress: Callable[[int], Progress] | None = None
) -> Index:
    """The index of the settings' entries: the shipped or cached one if it fits, else a new one."""
    folder = places.ready_folder(settings)
    if folder is not None:
        try:
            return indexes.read(folder, places.bad_of(folder), settings.shared)
        except NoIndex as error:
            report(f"{error.message} It is built again.")
    with _one_builder(places.place_of(settings)):
        # Another process may have built it while this one waited.
        folder = places.ready_folder(settings)
        if folder is not None:
            with contextlib.suppress(NoIndex):
                return indexes.read(folder, places.bad_of(folder), settings.shared)
        made = update(settings, report, progress)
    if settings.shared is None or made.folder is None:
        return made.index
    # What was built is this process's own memory; what is read is shared.
    return indexes.read(made.folder, made.index.knowledge.bad, settings.shared)


@contextlib.contextmanager
def _one_builder(place: Path) -> Iterator[None]:
    """Lets one process at a time build; several servers see a changed entry at the same moment."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / "lock")
        lock.acquire(timeout=BUILD_SECONDS)
    except (OSError, Timeout):
        # Where nothing can be written, or one hangs, each builds for itself.
        yield
        return
    try:
        yield
    finally:
        lock.release()


def update(
    settings: Settings,
    report: Report = _quiet,
    progress: Callable[[int], Progress] | None = None,
    everything: bool = False,
) -> Update:
    """Build and save the index, encoding only passages that no index here holds yet.

    `everything` encodes all of them. `progress` gets the number of passages to encode and
    returns what is called with the number done.
    """
    files = places.signature(settings)
    knowledge = knowledges.require_some(knowledges.load(settings.kb))
    for bad in knowledge.bad:
        report(f"Left out: {bad.message}")
    name = places.encoder_name(settings)
    known = {} if everything else _known_vectors(settings, name)
    posts = posts_of(knowledge)
    passages = [p for entry in knowledge for p in split(entry, posts[entry.id])]
    needed = {passage.hash for passage in passages} - known.keys()
    watch = progress(len(needed)) if progress and needed else None
    index = indexes.build(knowledge, _Deferred(settings, name), known, watch)
    manifest = {
        "folders": [str(folder) for folder in settings.kb],
        "files": files,
        "bad": [[bad.sentence, bad.path, bad.line, bad.hint, bad.code] for bad in knowledge.bad],
    }
    try:
        folder = save(index, places.place_of(settings), manifest)
    except OSError as error:
        report(
            f"The index cannot be saved in '{settings.cache}' ({error.strerror}), so it is built "
            "again each time. Set DLADVISOR_CACHE to a folder that can be written."
        )
        return Update(index, len(needed), None)
    return Update(index, len(needed), folder)


def save(index: Index, place: Path, manifest: dict[str, Any]) -> Path:
    """Write the index as a new version of `place` and make it the current one."""
    place.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=place))
    try:
        indexes.write(index, fresh, manifest)
        version = place / f"v-{fresh.name.removeprefix('new-')}"
        fresh.rename(version)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    pointer = place / f"{version.name}.pointer"
    pointer.write_text(version.name, encoding="ascii")
    os.replace(pointer, place / "current")
    _sweep(place, version)
    return version


class _Deferred:
    """The settings' encoder, loaded when the first passage needs it."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings, self.name = settings, name
        self._loaded: Encoder | None = None

    def _load(self) -> Encoder:
        if self._loaded is None:
            settings = self._settings
            self._loaded = encoders.open_encoder(settings.encoder, settings.encoder_folder)
        return self._loaded

    @property
    def dimension(self) -> int:
        return self._load().dimension

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        return self._load().encode(texts, progress)


def _known_vectors(settings: Settings, encoder_name: str) -> dict[str, Floats]:
    """The vectors of the current and the shipped index, if this encoder made them.

    And those of the built-in entries alone: whoever adds a first folder of their own has them.
    """
    known: dict[str, Floats] = {}
    folders = [settings.shipped_index, places.current_folder(places.place_of(settings))]
    built_in = built_in_kb()
    if built_in in settings.kb[:1] and len(settings.kb) > 1:
        alone = replace(settings, kb=(built_in,))
        folders.insert(1, places.current_folder(places.place_of(alone)))
    for folder in folders:
        if folder is None or places.manifest_of(folder).get("encoder") != encoder_name:
            continue
        try:
            known.update(indexes.stored_vectors(indexes.read(folder)))
        except NoIndex:
            continue
    return known


def _sweep(place: Path, current: Path) -> None:
    """Delete old versions and what a crash left behind; never the current one."""
    old = [path for path in place.glob("v-*") if path != current and path.is_dir()]
    old.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    now = time.time()
    left = [path for path in place.glob("new-*") if now - path.stat().st_mtime > UNFINISHED_SECONDS]
    for path in [*old[KEPT_VERSIONS:], *left]:
        shutil.rmtree(path, ignore_errors=True)
