"""Where indexes are kept, and whether one is up to date. Imports nothing heavy.

A place holds one folder a version and a file `current` that names one of them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from advisor import knowledge as knowledges
from advisor.errors import AdvisorError, BadEntry
from advisor.settings import Settings, built_in_kb, sentence_encoder_name


def encoder_name(settings: Settings) -> str:
    """The name of the settings' encoder, without loading weights."""
    if settings.encoder != "default":
        return sentence_encoder_name(settings.encoder)
    card = settings.encoder_folder / "encoder.json"
    try:
        return str(json.loads(card.read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdvisorError(
            f"The built-in encoder is missing from '{settings.encoder_folder}'.",
            "Reinstall dladvisor.",
        ) from error


def place_of(settings: Settings) -> Path:
    """The cache folder for these entry folders and this encoder."""
    parts = [encoder_name(settings), *(str(folder.resolve()) for folder in settings.kb)]
    key = hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
    return settings.cache / f"index-{key}"


def current_folder(place: Path) -> Path | None:
    """The folder of a place's current version, if there is one."""
    try:
        name = (place / "current").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = place / name
    return folder if name and folder.parent == place and folder.is_dir() else None


def shipped_folder(settings: Settings) -> Path | None:
    """The ready index of a wheel, when its entries are all that is asked for."""
    folder = settings.shipped_index
    if settings.kb != (built_in_kb(),) or not (folder / "manifest.json").is_file():
        return None
    return folder if manifest_of(folder).get("encoder") == encoder_name(settings) else None


def ready_folder(settings: Settings) -> Path | None:
    """The folder of an index that is up to date, shipped or cached."""
    shipped = shipped_folder(settings)
    if shipped is not None:
        return shipped
    folder = current_folder(place_of(settings))
    if folder is not None and manifest_of(folder).get("files") == signature(settings):
        return folder
    return None


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest in an index's folder; empty when it is missing or damaged."""
    try:
        values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def bad_of(folder: Path) -> list[BadEntry]:
    """The entries that were left out when the index in a folder was made."""
    return [BadEntry(*parts) for parts in manifest_of(folder).get("bad", [])]


def signature(settings: Settings) -> dict[str, list[int]]:
    """Size and time of every file that the index is made of."""
    files = {}
    for path in knowledges.entry_files(settings.kb).values():
        for part in (path, path.parent / "wordings" / f"{path.stem}.txt"):
            try:
                state = part.stat()
            except OSError:
                continue
            files[str(part.resolve())] = [state.st_size, state.st_mtime_ns]
    for path in knowledges.judged_files(settings.kb):
        state = path.stat()
        files[str(path.resolve())] = [state.st_size, state.st_mtime_ns]
    return files


def changed_files(settings: Settings) -> list[Path]:
    """Files of entries that differ from what the current index was made of, or are new."""
    folder = current_folder(place_of(settings))
    known = manifest_of(folder).get("files", {}) if folder else {}
    return [Path(path) for path, state in signature(settings).items() if known.get(path) != state]
