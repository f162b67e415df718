"""The full-screen advisor: one screen to ask, choose, read and browse."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Footer, Markdown, Static

from advisor import catalogue
from advisor.answer import Advisor, open_advisor
from advisor.entry import Entry
from advisor.errors import AdvisorError, BadQuestion
from advisor.knowledge import Knowledge
from advisor.lint.body import python_blocks
from advisor.render import entry_markdown
from advisor.results import Answer
from advisor.settings import DEFAULT_TOP, Settings
from advisor.tui import pages
from advisor.tui.commands import EntryCommands
from advisor.tui.dialogs import HelpScreen, LinkedEntries
from advisor.tui.history import History
from advisor.tui.messages import (
    AdvisorOpened,
    EntriesLoaded,
    EntryChosen,
    QuestionAnswered,
    QuestionTyped,
    WentWrong,
)
from advisor.tui.widgets import BrowseTree, EntryText, MatchList, QuestionInput

WELCOME = """\
# What do you see?

Describe it above in your own words and press **Enter**. For example:

- loss becomes nan after 300 steps
- validation accuracy is stuck at 50%
- my GAN paints one face
- CUDA out of memory, but only at the second epoch

You can paste a whole error message or log. **F2** browses all entries, **F1** shows the keys.
"""
HEADLINES = {
    "match": "The first entry probably helps.",
    "unsure": "Not sure: these are the nearest entries. Say more to get a surer answer.",
    "none": "Nothing here fits that. The nearest entries are probably not your problem.",
}


class AdvisorApp(App[None]):
    """Ask on top, answers or all entries on the left, the entry on the right."""

    CSS_PATH = "app.tcss"
    TITLE = "dladvisor"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    COMMANDS = App.COMMANDS | {EntryCommands}
    BINDINGS = [
        Binding("f1", "help", "Help", priority=True),
        Binding("f2", "switch_list", "Browse", priority=True),
        Binding("f3", "switch_theme", "Theme", show=False, priority=True),
        Binding("escape", "question", "Question"),
        Binding("alt+left,left_square_bracket", "read_back", "Back", key_display="["),
        Binding("alt+right,right_square_bracket", "read_forward", "Forward", key_display="]"),
        Binding("c", "copy_code", "Copy code"),
        Binding("l", "copy_link", "Link", show=False),
        Binding("y", "copy_entry", "Copy all", show=False),
        Binding("o", "open_page", "Browser"),
        Binding("r", "linked", "Related"),
    ]

    def __init__(self, settings: Settings, advisor: Advisor | None = None) -> None:
        """`advisor` is for tests; without it index and encoder are opened in a worker."""
        super().__init__()
        self.settings = settings
        self.advisor = advisor
        self.knowledge: Knowledge | None = advisor.knowledge if advisor else None
        self.shown: Entry | None = None
        self.reading_history = History()
        self._waiting: QuestionTyped | None = None
        self._answered = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="asking"):
            yield Static(">", id="prompt")
            yield QuestionInput()
        yield Static("", id="status", markup=False)
        with Horizontal(id="panes"):
            with Vertical(id="left"), ContentSwitcher(initial="matches"):
                yield MatchList()
                yield BrowseTree()
            with VerticalScroll(id="reading"):
                yield EntryText()
        yield Footer(compact=True)

    async def on_mount(self) -> None:
        self.query_one(QuestionInput).focus()
        await self.query_one(EntryText).update(WELCOME)
        if self.advisor is not None:
            self.post_message(EntriesLoaded(self.advisor.knowledge))
            self.post_message(AdvisorOpened(self.advisor))
        else:
            self.say("Loading… you can already type.")
            self.load_advisor()

    def say(self, sentence: str) -> None:
        """Put a sentence on the status line."""
        self.query_one("#status", Static).update(sentence)

    @work(thread=True, exit_on_error=False)
    def load_advisor(self) -> None:
        """Entries first (fast), then index and encoder, so that browsing need not wait."""
        try:
            self.post_message(EntriesLoaded(catalogue.load(self.settings)))
            advisor = open_advisor(self.settings, self._report, self._progress)
            self.post_message(AdvisorOpened(advisor))
        except AdvisorError as error:
            self.post_message(WentWrong(error.message, error.hint))

    def _report(self, sentence: str) -> None:
        self.call_from_thread(self.notify, sentence, severity="warning", markup=False)

    def _progress(self, total: int) -> Callable[[int], None]:
        def advance(done: int) -> None:
            self.call_from_thread(self.say, f"Making the index: {done} of {total} passages…")

        return advance

    @on(EntriesLoaded)
    def fill_tree(self, message: EntriesLoaded) -> None:
        self.knowledge = message.knowledge
        self.query_one(BrowseTree).show(message.knowledge)

    @on(AdvisorOpened)
    def answer_what_waits(self, message: AdvisorOpened) -> None:
        self.advisor = message.advisor
        self.knowledge = message.advisor.knowledge
        self.say(f"{len(self.knowledge)} entries. Ask away.")
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.take_question(waiting)

    @on(WentWrong)
    def tell(self, message: WentWrong) -> None:
        self.say(message.message)
        self.notify(message.hint or message.message, severity="error", timeout=10, markup=False)

    @on(QuestionTyped)
    def take_question(self, message: QuestionTyped) -> None:
        if self.advisor is None:
            self._waiting = message
            if message.finished:
                self.say("Loading… your question will be answered as soon as that is done.")
            return
        if message.finished or message.text.strip() != self._answered:
            self.ask(self.advisor, message)

    @work(thread=True, exclusive=True, group="ask", exit_on_error=False)
    def ask(self, advisor: Advisor, asked: QuestionTyped) -> None:
        """Answer in a worker; a newer question replaces an older one."""
        try:
            answer = advisor.ask(asked.text, DEFAULT_TOP * 2)
        except BadQuestion as error:
            if asked.finished:
                self.post_message(WentWrong(error.message, error.hint))
            return
        self.post_message(QuestionAnswered(answer, typed=not asked.finished))

    @on(QuestionAnswered)
    def show_answer(self, message: QuestionAnswered) -> None:
        answer: Answer = message.answer
        self._answered = answer.question
        self.say(answer.note or HEADLINES[answer.verdict])
        self._show_list("matches")
        matches = self.query_one(MatchList)
        matches.show(answer)
        if not message.typed:
            matches.focus()

    @on(EntryChosen)
    def read_chosen(self, message: EntryChosen) -> None:
        self.open_entry(message.entry_id, message.enter)

    def open_entry(self, entry_id: str, enter: bool = False) -> None:
        """Show an entry in the reading pane; `enter` moves the focus there."""
        self.reading_history.visit(entry_id)
        self._show_entry(entry_id)
        if enter:
            self.query_one("#reading").focus()

    def _show_entry(self, entry_id: str) -> None:
        if self.knowledge is None or entry_id not in self.knowledge:
            return
        self.shown = self.knowledge.get(entry_id)
        text = entry_markdown(self.shown, lambda other: f"entry:{other}")
        self.query_one(EntryText).update(text)
        self.query_one("#reading").scroll_home(animate=False)

    @on(Markdown.LinkClicked)
    def follow(self, event: Markdown.LinkClicked) -> None:
        event.stop()
        if event.href.startswith("entry:"):
            self.open_entry(event.href.removeprefix("entry:"), enter=True)
        elif event.href.startswith(("https://", "http://")):
            webbrowser.open(event.href)

    def _show_list(self, name: str) -> None:
        self.query_one(ContentSwitcher).current = name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions on an entry are off until one is shown."""
        needs_entry = action in {"copy_code", "copy_link", "copy_entry", "open_page", "linked"}
        return not needs_entry or self.shown is not None

    def action_help(self) -> None:
        """Show the keys."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_question(self) -> None:
        """Back to the question, ready to be changed."""
        self.query_one(QuestionInput).focus()

    def action_switch_list(self) -> None:
        """Answers or all entries."""
        browsing = self.query_one(ContentSwitcher).current == "browse"
        name = "matches" if browsing else "browse"
        self._show_list(name)
        self.query_one(f"#{name}").focus()

    def action_switch_theme(self) -> None:
        """Light or dark."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_read_back(self) -> None:
        """The entry read before this one."""
        if entry_id := self.reading_history.back():
            self._show_entry(entry_id)

    def action_read_forward(self) -> None:
        """The entry that `back` came from."""
        if entry_id := self.reading_history.forward():
            self._show_entry(entry_id)

    def action_copy_code(self) -> None:
        """Copy the Python of the entry's example."""
        assert self.shown is not None
        blocks = [block.code for block in python_blocks(self.shown.example)]
        if not blocks:
            self.notify("This entry has no code.", severity="warning")
            return
        self._copy("\n".join(blocks), "The example's code")

    def action_copy_link(self) -> None:
        """Copy the address of the entry's page, or the command that shows it."""
        assert self.shown is not None
        site = self.settings.site
        link = self.settings.page(self.shown.id) if site else f"dladvisor show {self.shown.id}"
        self._copy(link, link)

    def action_copy_entry(self) -> None:
        """Copy the whole entry as Markdown."""
        assert self.shown is not None
        self._copy(entry_markdown(self.shown), "The entry")

    def _copy(self, text: str, name: str) -> None:
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

    def palette_actions(self) -> list[tuple[str, Callable[[], None], str]]:
        """Name, action and explanation of what the command palette offers beside entries."""
        actions = [
            ("Ask: go to the question", self.action_question, "Type what you see."),
            ("Browse all entries", self.action_switch_list, "By category, framework, model."),
            ("Switch light and dark", self.action_switch_theme, "Also F3."),
        ]
        if self.shown is not None:
            actions += [
                ("Copy the example's code", self.action_copy_code, "Also c."),
                ("Copy the entry's address", self.action_copy_link, "Also l."),
                ("Copy the entry as Markdown", self.action_copy_entry, "Also y."),
                ("Open the entry's page in the browser", self.action_open_page, "Also o."),
                ("Related entries", self.action_linked, "Also r."),
            ]
        return actions
