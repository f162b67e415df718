"""The candidates of a conversation: one bar an entry, which moves when a probability does."""

from __future__ import annotations

import time

from textual import on
from textual.content import Content
from textual.timer import Timer
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from advisor.reply import Reply
from advisor.results import Match
from advisor.safe_text import clipped
from advisor.tui.messages import EntryChosen

BAR = 14  # columns of a whole bar
FRAME_SECONDS, MOVE_SECONDS = 0.04, 0.35
# Characters of a reason in the list: one line of the narrow pane.
REASON_SHOWN = 56
# Columns of a screen from which the reasons are shown.
WIDE = 100
# A change smaller than this is not worth an arrow.
MOVED = 0.005


class MatchList(OptionList):
    """The candidates, best first: title, bar and probability, and why it was found."""

    def __init__(self) -> None:
        super().__init__(id="matches")
        self._matches: tuple[Match, ...] = ()
        self._before: dict[str, float] = {}
        self._began: float | None = None
        self._moving: Timer | None = None

    def show(self, reply: Reply) -> None:
        """Replace the list by a reply's candidates; bars move from where they were."""
        if self._moving is not None:
            self._moving.stop()
        self._matches = reply.answer.matches
        self._before = {move.entry: move.before for move in reply.moves}
        moved = bool(self._before) and self.app.animation_level != "none"
        self._began = time.monotonic() if moved else None
        self.clear_options()
        for match in self._matches:
            self.add_option(Option(self._line(match), id=match.entry.id))
        if self._matches:
            none = Content.assemble((f"{'none of the entries':<{BAR}}  {reply.none:.0%}", "dim"))
            self.add_option(Option(none, disabled=True))
            self.highlighted = 0
        if moved:
            self._moving = self.set_interval(FRAME_SECONDS, self._advance)

    def clear(self) -> None:
        """No candidates."""
        self._matches = ()
        self.clear_options()

    def _advance(self) -> None:
        # By the clock: on a busy machine a timer leaves steps out.
        if self._began is not None and time.monotonic() - self._began >= MOVE_SECONDS:
            self._began = None
            if self._moving is not None:
                self._moving.stop()
        for place, match in enumerate(self._matches):
            self.replace_option_prompt_at_index(place, self._line(match))

    def _line(self, match: Match) -> Content:
        """Title, bar and first reason; never read as markup."""
        after = match.probability
        before = self._before.get(match.entry.id, after)
        now = after
        if self._began is not None:
            way = min((time.monotonic() - self._began) / MOVE_SECONDS, 1)
            now = before + (after - before) * way
        full = round(now * BAR)
        arrow = ""
        if abs(after - before) >= MOVED:
            arrow = f" {'▲' if after > before else '▼'} was {before:.0%}"
        return Content.assemble(
            (match.entry.title, "bold"),
            "\n",
            ("█" * full, "$success" if after >= 0.5 else "$warning"),
            ("░" * (BAR - full), "dim"),
            f" {now:>4.0%}",
            (arrow, "dim"),
            # Forty columns and ten lines are for more candidates instead.
            (
                f"\n{clipped(match.why[0], REASON_SHOWN)}" if self.app.size.width >= WIDE else "",
                "dim",
            ),
        )

    @on(OptionList.OptionHighlighted)
    def preview(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_id:
            self.post_message(EntryChosen(event.option_id))

    @on(OptionList.OptionSelected)
    def read(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id:
            self.post_message(EntryChosen(event.option_id, enter=True))
