"""The full-screen advisor."""

from __future__ import annotations

from advisor.llm import Llm
from advisor.settings import Settings


def run(settings: Settings, llm: Llm | None = None) -> None:
    """Open the full-screen advisor and stay until the person leaves."""
    from advisor.tui.app import AdvisorApp

    AdvisorApp(settings, llm=llm).run()
