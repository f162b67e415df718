"""The list of past conversations: go on with one, or delete it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from advisor.errors import AdvisorError
from advisor.journal import Journal


class PastConversations(ModalScreen[int | None]):
    """Gives the id of the chosen conversation or None."""

    BINDINGS = [
        Binding("escape,q,f4", "dismiss", "Close"),
        Binding("d", "delete", "Delete"),
    ]

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static("Past conversations", classes="dialog-title")
            yield OptionList(id="past")
            yield Static("Enter goes on with one, d deletes it, Esc closes.", classes="dialog-foot")

    def on_mount(self) -> None:
        self._fill()
        self.query_one("#past").focus()

    def _fill(self) -> None:
        rows = self.query_one("#past", OptionList)
        rows.clear_options()
        for item in self._journal.all():
            when = f"{item.changed}  {item.length}  "
            rows.add_option(Option(Content.assemble((when, "dim"), item.title), id=str(item.id)))
        if rows.option_count:
            rows.highlighted = 0
        else:
            rows.add_option(Option("There are none yet.", disabled=True))

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(int(event.option_id) if event.option_id else None)

    def action_delete(self) -> None:
        """Delete the highlighted conversation for good."""
        rows = self.query_one("#past", OptionList)
        if rows.highlighted is None or not (key := rows.get_option_at_index(rows.highlighted).id):
            return
        try:
            self._journal.delete(int(key))
        except AdvisorError as error:
            self.notify(error.message, severity="error", markup=False)
        self._fill()
