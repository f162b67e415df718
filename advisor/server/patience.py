"""How long a client may take until its request is there: the guard sees whole headers only."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Patience(H11Protocol):
    """Closes a connection whose headers have not come after the time that a request may take."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time runs from here."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """It stops with the last of the headers, and begins anew with a further request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        if not self._idle():
            self._stop()
        elif self._late is None:
            # The one time that a worker is told by its configuration: see `run`.
            seconds = self.config.timeout_graceful_shutdown or 0
            self._late = self.loop.call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self._idle() and not self.transport.is_closing():
            self.transport.close()
