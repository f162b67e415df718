"""How a server listens and what it puts up with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advisor.settings import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes in bytes, times in seconds; `rate` is requests a second and address, 0 for no limit.

    `shared` is a folder for what the workers share: counts and the rate limit.
    """

    settings: Settings
    shared: Path
    workers: int = 1
    site: Path | None = None
    origins: tuple[str, ...] = ()
    rate: float = 20
    max_body: int = 262_144
    timeout: float = 10
    log_questions: bool = False
