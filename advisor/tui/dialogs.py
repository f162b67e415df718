"""The small screens over the advisor: keys, and a choice of linked entries."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Markdown, OptionList, Static
from textual.widgets.option_list import Option

from advisor.entry import Entry

HELP = """\
**Enter** say it; in a list, read the entry  
**1 to 9** answer the question  
**Esc** type again (most letters do, too)  
**x** the chosen entry is not it, or its fix did not help  
**u** undo the last step, **Ctrl+N** a new conversation  
**e** export the conversation as Markdown, **F4** past conversations  
**Tab** next pane, **Shift+Tab** the one before  
**F2** all entries, **F3** light or dark  
**Ctrl+P** all commands; type an entry's name to open it  
**Ctrl+Q** leave

While an entry is read or chosen:

**c** copy the example's code, **l** the entry's address, **y** all of it  
**o** open the entry's page in the browser  
**r** entries that are linked from this one  
**[** and **]** back and forward (also **Alt+Left**, **Alt+Right**)

Say what you see, not what you suspect: *loss is flat at 0.693 from the start*.
You can paste a whole error message or log. To select text with the mouse, hold
**Shift**. The bars add up to one, with *none of the entries* among them.
"""


class HelpScreen(ModalScreen[None]):
    """The keys; any of Esc, F1, q closes it."""

    BINDINGS = [Binding("escape,f1,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Markdown(HELP)


class LinkedEntries(ModalScreen[str | None]):
    """A choice among entries; gives the id of the chosen one or None."""

    BINDINGS = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, groups: list[tuple[str, list[Entry]]]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static("Linked entries", classes="dialog-title")
            options = [
                Option(Content.assemble((f"{name}: ", "dim"), entry.title), id=f"{name}/{entry.id}")
                for name, entries in self._groups
                for entry in entries
            ]
            yield OptionList(*options, id="linked")

    def on_mount(self) -> None:
        self.query_one("#linked").focus()

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss((event.option_id or "").partition("/")[2] or None)
