"""The knowledge base: every readable entry by id, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.entry import Entry
from advisor.errors import AdvisorError, BadEntry, BadSettings, ClashingEntries, UnknownName
from advisor.judged import Judged, read_judged


@dataclass(frozen=True)
class Knowledge:
    """Entries in order of id. `bad` holds the files that could not be read.

    `judged` holds real questions that people graded: further voices for the entries they fit.
    """

    entries: Mapping[str, Entry]
    bad: tuple[BadEntry, ...] = field(default=())
    judged: tuple[Judged, ...] = field(default=())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self.entries

    def get(self, entry_id: str) -> Entry:
        """The entry of that id; raises UnknownName with the nearest ids."""
        try:
            return self.entries[entry_id]
        except KeyError:
            raise UnknownName(
                "entry", entry_id, self.entries, "List them: dladvisor list"
            ) from None

    def linked(self, ids: Sequence[str]) -> list[Entry]:
        """The entries of those ids that exist here, in that order."""
        return [self.entries[entry_id] for entry_id in ids if entry_id in self.entries]


def entry_files(folders: Sequence[Path]) -> dict[str, Path]:
    """id -> file for all folders; raises ClashingEntries, or BadSettings for a missing folder."""
    files: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadSettings(
                f"The entries folder '{folder}' does not exist or is not a folder.",
                "Give --kb (or DLADVISOR_KB) a folder that holds .md entries.",
            )
        for path in sorted(folder.glob("*.md")):
            if path.stem in files and files[path.stem].resolve() != path.resolve():
                raise ClashingEntries(
                    f"Two files hold the entry '{path.stem}': {files[path.stem]} and {path}.",
                    "Rename one of them: ids are unique across all folders.",
                )
            files[path.stem] = path
    return files


def judged_files(folders: Sequence[Path]) -> list[Path]:
    """The files of judged questions beside the entries: <folder>/judged/*.jsonl."""
    return [path for folder in folders for path in sorted((folder / "judged").glob("*.jsonl"))]


def load(folders: Sequence[Path]) -> Knowledge:
    """Read every entry of the folders; a bad one is kept apart and the others stay usable."""
    # Deferred: pydantic and yaml cost 110 ms, and a ready index brings its entries along.
    from advisor import entry_format

    entries: dict[str, Entry] = {}
    bad: list[BadEntry] = []
    for entry_id, path in sorted(entry_files(folders).items()):
        try:
            entries[entry_id] = entry_format.read(path)
        except BadEntry as error:
            bad.append(error)
    judged = [item for path in judged_files(folders) for item in read_judged(path)]
    return Knowledge(entries, tuple(bad), tuple(judged))


def require_some(knowledge: Knowledge) -> Knowledge:
    """The same knowledge; raises AdvisorError when no entry is readable."""
    if not len(knowledge):
        first = knowledge.bad[0].message if knowledge.bad else "The folders hold no .md file."
        raise AdvisorError(f"There is no readable entry. {first}", "Check it with: dladvisor lint")
    return knowledge
