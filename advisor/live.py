"""The advisor of a process that stays up: entries that change are taken in without a restart.

Answering threads read one reference, which is replaced when a new index is ready, so that no
question waits or fails. An entry that was good and cannot be read any more stays as it was, while
the others change; if two ids clash or a folder vanishes, all stay. The reason is reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from advisor import index as indexes
from advisor import knowledge as knowledges
from advisor import places, store
from advisor.answer import Advisor, open_advisor
from advisor.encoder import Progress
from advisor.entry import Entry
from advisor.errors import AdvisorError, MissingExtra
from advisor.index import Index
from advisor.settings import Settings

# Network file systems and folders that are replaced as a whole send no events.
LOOK_ANYWAY_SECONDS = 20


@dataclass(frozen=True, slots=True)
class State:
    """What is served. `held` says why nothing newer is.

    `kept` has the ids of entries that are served as they last were, `outdated` and `left_out` a
    sentence with file and line for each of those, and for each that was never good.
    """

    advisor: Advisor
    files: dict[str, list[int]]
    held: str = ""
    kept: frozenset[str] = frozenset()

    @property
    def outdated(self) -> tuple[str, ...]:
        """Why each entry in `kept` is not newer."""
        return self._told(among_kept=True)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Why each unreadable entry is not there at all."""
        return self._told(among_kept=False)

    @property
    def behind(self) -> bool:
        """Whether something that was good before is not served as the files have it now."""
        return bool(self.held or self.kept)

    def _told(self, among_kept: bool) -> tuple[str, ...]:
        bad = self.advisor.knowledge.bad
        return tuple(
            item.message for item in bad if (Path(item.path).stem in self.kept) is among_kept
        )


class Live:
    """Holds the current advisor. `report` gets a sentence for each change and each problem."""

    def __init__(
        self,
        settings: Settings,
        report: Callable[[str], None] = lambda _: None,
        progress: Callable[[int], Progress] | None = None,
    ) -> None:
        self.settings = settings
        self._report = report
        # The files first: what changes while the index is opened is seen at the next look.
        files = places.signature(settings)
        self.state = State(open_advisor(settings, report, progress), files)
        self._report_bad()
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def advisor(self) -> Advisor:
        """The advisor to ask now; keep it for the whole of one answer."""
        return self.state.advisor

    def refresh(self) -> bool:
        """Take in what changed on disk; whether there is a new advisor. Threads may call it."""
        with self._looking:
            old = self.state
            try:
                files = places.signature(self.settings)
                if files == old.files:
                    self.state = replace(old, held="")
                    return False
                index = store.open_index(self.settings)
                kept = self._last_good(index)
                if kept:
                    index = self._with(kept, index)
            except AdvisorError as error:
                self._hold(error.message)
                return False
            self.state = State(replace(old.advisor, index=index), files, kept=frozenset(kept))
            self._report(f"Took in changed entries: there are {len(index.knowledge)} now.")
            self._report_bad()
            return True

    def _last_good(self, index: Index) -> dict[str, Entry]:
        """The entries served until now whose files cannot be read any more, by id."""
        served = self.advisor.knowledge.entries
        broken = [Path(bad.path).stem for bad in index.knowledge.bad]
        return {entry_id: served[entry_id] for entry_id in broken if entry_id in served}

    def _with(self, kept: dict[str, Entry], index: Index) -> Index:
        """The index with these entries too. It is not saved: the files do not say so."""
        found = knowledges.load(self.settings.kb)
        entries = dict(sorted({**found.entries, **kept}.items()))
        old = self.advisor
        known = {**indexes.stored_vectors(old.index), **indexes.stored_vectors(index)}
        return indexes.build(replace(found, entries=entries), old.encoder, known)

    def _report_bad(self) -> None:
        for sentence in self.state.outdated:
            self._report(f"Kept as it last was: {sentence}")
        for sentence in self.state.left_out:
            self._report(f"Left out: {sentence}")

    def _hold(self, sentence: str) -> None:
        if self.state.held != sentence:
            self.state = replace(self.state, held=sentence)
            self._report(f"The last good entries stay in use: {sentence}")

    def watch(self) -> None:
        """Refresh whenever a file of the entry folders changes, in a thread, until `stop`."""
        try:
            import watchfiles
        except ImportError as error:
            raise MissingExtra("Taking in changed entries", "serve") from error

        def run() -> None:
            while not self._stop.is_set():
                try:
                    for _ in watchfiles.watch(
                        *(folder for folder in self.settings.kb if folder.is_dir()),
                        stop_event=self._stop,
                        rust_timeout=LOOK_ANYWAY_SECONDS * 1000,
                        yield_on_timeout=True,
                        raise_interrupt=False,
                    ):
                        self.refresh()
                        if not all(folder.is_dir() for folder in self.settings.kb):
                            break
                except Exception as error:  # the watch must outlive whatever breaks one look
                    self._hold(f"Looking for changes failed: {type(error).__name__}: {error}")
                self._stop.wait(1)

        self._thread = threading.Thread(target=run, name="watch entries", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
