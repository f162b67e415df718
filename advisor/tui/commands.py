"""The command palette: every entry by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from advisor.tui.app import AdvisorApp


class EntryCommands(Provider):
    """Opens an entry whose title or id is typed into the palette."""

    @property
    def _advisor_app(self) -> AdvisorApp:
        return cast("AdvisorApp", self.app)

    async def discover(self) -> Hits:
        """What the palette shows before anything is typed."""
        for name, action, about in self._advisor_app.palette_actions():
            yield DiscoveryHit(name, action, help=about)

    async def search(self, query: str) -> Hits:
        """The actions and entries that fit what is typed."""
        matcher = self.matcher(query)
        for name, action, about in self._advisor_app.palette_actions():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), action, help=about)
        knowledge = self._advisor_app.knowledge
        for entry in knowledge or ():
            name = f"{entry.title} ({entry.id})"
            if (score := matcher.match(name)) > 0:
                act = partial(self._advisor_app.open_entry, entry.id, enter=True)
                yield Hit(score, matcher.highlight(name), act, help=entry.cause)
