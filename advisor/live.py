"""The advisor of a process that stays up: entries that change are taken in without a restart.

Answering threads read one reference, which is replaced when a new index is ready, so that no
question waits or fails. If an entry that was good cannot be read any more, if two ids clash or
a folder vanishes, the last good state stays and the reason is reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from advisor import places, store
from advisor.answer import Advisor, open_advisor
from advisor.encoder import Progress
from advisor.errors import AdvisorError, MissingExtra
from advisor.settings import Settings

# Network file systems and folders that are replaced as a whole send no events.
LOOK_ANYWAY_SECONDS = 20


@dataclass(frozen=True, slots=True)
class State:
    """What is served. `held` says why newer files are not; `left_out` names unreadable entries."""

    advisor: Advisor
    files: dict[str, list[int]]
    held: str = ""

    @property
    def left_out(self) -> tuple[str, ...]:
        """One sentence for each entry that cannot be read, with file and line."""
        return tuple(bad.message for bad in self.advisor.knowledge.bad)


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
        for sentence in self.state.left_out:
            report(f"Left out: {sentence}")
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
                self._refuse_newly_broken(files)
                index = store.open_index(self.settings)
            except AdvisorError as error:
                self._hold(error.message)
                return False
            self.state = State(replace(old.advisor, index=index), files)
            self._report(f"Took in changed entries: there are {len(index.knowledge)} now.")
            for sentence in self.state.left_out:
                self._report(f"Left out: {sentence}")
            return True

    def _refuse_newly_broken(self, files: dict[str, list[int]]) -> None:
        """Raises BadEntry if a changed file was a good entry before and is none now."""
        # Deferred: pydantic and yaml cost 110 ms, and entries seldom change.
        from advisor import entry_format

        for name, state in files.items():
            path = Path(name)
            known = path.suffix == ".md" and path.stem in self.advisor.knowledge
            if known and self.state.files.get(name) != state:
                entry_format.read(path)

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
