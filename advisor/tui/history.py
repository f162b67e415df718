"""The entries read so far, for back and forward as in a browser."""

from __future__ import annotations


class History:
    """A line of entry ids with a place in it. Visiting cuts off what lies ahead."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._place = -1

    def visit(self, entry_id: str) -> None:
        """Go to an entry; the one that is shown already is not repeated."""
        if self._ids and self._ids[self._place] == entry_id:
            return
        del self._ids[self._place + 1 :]
        self._ids.append(entry_id)
        self._place = len(self._ids) - 1

    def back(self) -> str | None:
        """The entry before this one, or None at the beginning."""
        if self._place <= 0:
            return None
        self._place -= 1
        return self._ids[self._place]

    def forward(self) -> str | None:
        """The entry after this one, or None at the end."""
        if self._place + 1 >= len(self._ids):
            return None
        self._place += 1
        return self._ids[self._place]
