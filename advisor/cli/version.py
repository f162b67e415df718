"""What `--version` says."""

from __future__ import annotations

from importlib import metadata

from advisor import settings
from advisor.errors import AdvisorError


def version_line() -> str:
    """Version, number of entries and the index's encoder; honest when there is no index yet."""
    from advisor import catalogue, knowledge

    try:
        version = metadata.version("dladvisor")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    try:
        chosen = settings.from_environment()
        count = len(knowledge.entry_files(chosen.kb))
        _, encoder = catalogue.index_facts(chosen)
    except AdvisorError as error:
        return f"dladvisor {version} ({error.message})"
    made_by = f"index by {encoder}" if encoder else "no index yet: dladvisor index makes it"
    return f"dladvisor {version}, {count} entries, {made_by}"
