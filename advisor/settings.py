"""Settings: where things are and how to answer, from options and environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import BadSettings

PACKAGE = Path(__file__).resolve().parent
DEFAULT_TOP = 5
MAX_TOP = 50
FEEDBACK_DAYS = 180


@dataclass(frozen=True, slots=True)
class Settings:
    """`kb` holds the entry folders, the built-in one first unless it was left out.

    `history` is the file of past conversations, None if none are to be kept. `shared` is a
    folder for what several processes map instead of having it each, None for one process.
    """

    kb: tuple[Path, ...]
    cache: Path
    encoder: str = "default"
    site: str = ""
    feedback: Path | None = None
    feedback_days: int = FEEDBACK_DAYS
    history: Path | None = None
    shared: Path | None = None

    @property
    def encoder_folder(self) -> Path:
        """The folder of the built-in encoder."""
        return PACKAGE / "model"

    @property
    def shipped_index(self) -> Path:
        """The ready index of the built-in entries that a wheel brings along."""
        return PACKAGE / "index"

    def page(self, entry_id: str) -> str:
        """The address of an entry's page: absolute if the site's address is set."""
        return f"{self.site}kb/{entry_id}/"


def sentence_encoder_name(model: str) -> str:
    """What the encoder of a sentence-transformers model is called in an index."""
    return f"sentence-transformers:{model}"


def built_in_kb() -> Path:
    """The entries of this installation: inside the wheel, or beside the package in a checkout."""
    shipped = PACKAGE / "kb"
    return shipped if shipped.is_dir() else PACKAGE.parent / "kb"


def from_environment(
    kb: Sequence[Path] = (), encoder: str = "", environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from the given options, then these variables, then the defaults.

    DLADVISOR_KB: further entry folders, separated like PATH. DLADVISOR_ENCODER: a
    sentence-transformers model instead of the built-in encoder. DLADVISOR_CACHE: where indexes
    are kept. DLADVISOR_SITE: the address of your docs site, for links. DLADVISOR_HISTORY: the
    file of past conversations, or `off`. DLADVISOR_NO_BUILTIN=1 leaves the built-in entries out.
    DLADVISOR_FEEDBACK: the file that keeps questions and votes, for DLADVISOR_FEEDBACK_DAYS.
    Raises BadSettings for values that make no sense.
    """
    variables = os.environ if environment is None else environment
    folders = [Path(part) for part in variables.get("DLADVISOR_KB", "").split(os.pathsep) if part]
    folders += [folder for folder in kb if folder not in folders]
    if variables.get("DLADVISOR_NO_BUILTIN", "") not in ("", "0"):
        if not folders:
            raise BadSettings(
                "DLADVISOR_NO_BUILTIN is set and no other entries are given.",
                "Give --kb FOLDER, or unset DLADVISOR_NO_BUILTIN.",
            )
    else:
        folders.insert(0, built_in_kb())
    site = variables.get("DLADVISOR_SITE", "")
    if site and not site.startswith(("https://", "http://", "file://")):
        raise BadSettings(
            f"DLADVISOR_SITE is '{site}', which is no web address.",
            "Set it to an address that begins with https://",
        )
    return Settings(
        kb=tuple(folders),
        cache=_cache(variables),
        encoder=encoder or variables.get("DLADVISOR_ENCODER", "") or "default",
        site=site.rstrip("/") + "/" if site else "",
        feedback=Path(kept).expanduser() if (kept := variables.get("DLADVISOR_FEEDBACK")) else None,
        feedback_days=_days(variables.get("DLADVISOR_FEEDBACK_DAYS", "")),
        history=_history(variables),
    )


def _days(given: str) -> int:
    if not given:
        return FEEDBACK_DAYS
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= 36_500:
        raise BadSettings(
            f"DLADVISOR_FEEDBACK_DAYS is '{given}', which is no number of days.",
            f"Set it to a whole number, or unset it to keep feedback for {FEEDBACK_DAYS} days.",
        )
    return int(given)


def _history(variables: Mapping[str, str]) -> Path | None:
    given = variables.get("DLADVISOR_HISTORY", "")
    if given.lower() in ("off", "0", "no"):
        return None
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_data_dir("dladvisor", appauthor=False)) / "conversations.db"


def _cache(variables: Mapping[str, str]) -> Path:
    if given := variables.get("DLADVISOR_CACHE", ""):
        return Path(given)
    # Deferred: 10 ms, and a set variable needs it not.
    import platformdirs

    return Path(platformdirs.user_cache_dir("dladvisor", appauthor=False))
