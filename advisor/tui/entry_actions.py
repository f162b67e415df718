"""What one can do with the entry that is shown: copy, open, go back, follow links."""

from __future__ import annotations

import webbrowser

from textual.app import App

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.lint.body import python_blocks
from advisor.render import entry_markdown
from advisor.settings import Settings
from advisor.tui import pages
from advisor.tui.dialogs import LinkedEntries
from advisor.tui.history import History


class EntryActions(App[None]):
    """The part of the app that acts on the entry in the reading pane."""

    settings: Settings
    knowledge: Knowledge | None
    shown: Entry | None
    reading_history: History

    def open_entry(self, entry_id: str, enter: bool = False) -> None:
        """Show an entry in the reading pane; `enter` moves the focus there."""
        raise NotImplementedError

    def show_entry(self, entry_id: str) -> None:
        """Show an entry without remembering the visit."""
        raise NotImplementedError

    def action_read_back(self) -> None:
        """The entry read before this one."""
        if entry_id := self.reading_history.back():
            self.show_entry(entry_id)

    def action_read_forward(self) -> None:
        """The entry that `back` came from."""
        if entry_id := self.reading_history.forward():
            self.show_entry(entry_id)

    def action_copy_code(self) -> None:
        """Copy the Python of the entry's example."""
        assert self.shown is not None
        blocks = [block.code for block in python_blocks(self.shown.example)]
        if not blocks:
            self.notify("This entry has no code.", severity="warning")
            return
        self.copy("\n".join(blocks), "The example's code")

    def action_copy_link(self) -> None:
        """Copy the address of the entry's page, or the command that shows it."""
        assert self.shown is not None
        site = self.settings.site
        link = self.settings.page(self.shown.id) if site else f"dladvisor show {self.shown.id}"
        self.copy(link, link)

    def action_copy_entry(self) -> None:
        """Copy the whole entry as Markdown."""
        assert self.shown is not None
        self.copy(entry_markdown(self.shown), "The entry")

    def copy(self, text: str, name: str) -> None:
        """Put a text into the clipboard and say so."""
        self.copy_to_clipboard(text)
        self.notify(f"{name} is in the clipboard.", markup=False)

    def action_open_page(self) -> None:
        """Open the entry's page in the browser."""
        assert self.shown is not None
        try:
            address = pages.address(self.shown, self.settings)
        except OSError as error:
            self.notify(f"The page cannot be written: {error}", severity="error", markup=False)
            return
        webbrowser.open(address)
        self.notify(address, title="Opened in the browser", markup=False)

    def action_linked(self) -> None:
        """Choose among the entries linked from this one."""
        assert self.shown is not None
        assert self.knowledge is not None
        groups = [
            ("related", self.knowledge.linked(self.shown.related)),
            ("says otherwise", self.knowledge.linked(self.shown.contradicts)),
        ]
        if not any(entries for _, entries in groups):
            self.notify("No entry is linked from this one.")
            return

        def read(entry_id: str | None) -> None:
            if entry_id:
                self.open_entry(entry_id, enter=True)

        self.push_screen(LinkedEntries(groups), read)
