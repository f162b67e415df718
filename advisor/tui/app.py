"""The full-screen advisor: a conversation on one side, candidates and reading on the other."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Footer, Markdown, Static

from advisor import catalogue
from advisor.answer import Advisor
from advisor.entry import Entry
from advisor.errors import AdvisorError, BadQuestion
from advisor.journal import Journal
from advisor.knowledge import Knowledge
from advisor.live import Live
from advisor.llm import Llm, likely
from advisor.render import entry_markdown
from advisor.reply import Reply
from advisor.session import Session
from advisor.settings import Settings
from advisor.tui.candidates import MatchList
from advisor.tui.commands import EntryCommands
from advisor.tui.conversation_actions import ConversationActions
from advisor.tui.dialogs import HelpScreen
from advisor.tui.history import History
from advisor.tui.messages import (
    AdvisorOpened,
    EntriesLoaded,
    EntryChosen,
    OptionChosen,
    Previewed,
    QuestionTyped,
    Replied,
    WentWrong,
)
from advisor.tui.talk import NOT_HELPED, Answering, Transcript, headline, offered
from advisor.tui.widgets import BrowseTree, EntryText, QuestionInput, ReadingPane

READ_HERE = "*The entry that is chosen above is read here.*"
CANDIDATES = 10


class AdvisorApp(ConversationActions):
    """The conversation (or all entries) on the left, candidates and the entry on the right."""

    CSS_PATH = "app.tcss"
    TITLE = "dladvisor"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    COMMANDS = ConversationActions.COMMANDS | {EntryCommands}
    BINDINGS = [
        Binding("f1", "help", "Help", priority=True),
        Binding("f2", "switch_list", "Browse", priority=True),
        Binding("f3", "switch_theme", "Theme", show=False, priority=True),
        Binding("f4", "past", "Past", priority=True),
        Binding("ctrl+n", "begin_anew", "New", show=False, priority=True),
        Binding("escape", "question", "Type"),
        Binding("x", "reject", "Not it"),
        Binding("u", "undo", "Undo"),
        Binding("e", "export", "Export"),
        Binding("alt+left,left_square_bracket", "read_back", "Back", show=False),
        Binding("alt+right,right_square_bracket", "read_forward", "Forward", show=False),
        Binding("c", "copy_code", "Code", show=False),
        Binding("l", "copy_link", "Link", show=False),
        Binding("y", "copy_entry", "Copy all", show=False),
        Binding("o", "open_page", "Browser", show=False),
        Binding("r", "linked", "Related", show=False),
    ]

    def __init__(
        self, settings: Settings, advisor: Advisor | None = None, llm: Llm | None = None
    ) -> None:
        """`advisor` is for tests; without it index and encoder are opened in a worker."""
        super().__init__()
        self.llm = llm
        self.settings = settings
        self.advisor = advisor
        self.knowledge: Knowledge | None = advisor.knowledge if advisor else None
        self.session: Session | None = None
        self._live: Live | None = None
        self.shown: Entry | None = None
        self.reading_history = History()
        self._waiting: QuestionTyped | None = None
        # Turns come from workers; they must follow one another.
        self._turn = threading.Lock()

    def compose(self) -> ComposeResult:
        yield Static("", id="status", markup=False)
        with Horizontal(id="panes"):
            with Vertical(id="left"), ContentSwitcher(initial="talk"):
                with Vertical(id="talk"):
                    yield Transcript()
                    yield Answering()
                    with Horizontal(id="asking"):
                        yield Static(">", id="prompt")
                        yield QuestionInput()
                yield BrowseTree()
            with Vertical(id="right"):
                yield MatchList()
                yield ReadingPane(EntryText())
        yield Footer(compact=True)

    async def on_mount(self) -> None:
        self.query_one(Answering).show(None)
        self.query_one(QuestionInput).focus()
        await self.query_one(EntryText).update(READ_HERE)
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
            self._live = Live(self.settings, self._report, self._progress)
            self.post_message(AdvisorOpened(self._live.advisor))
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
        path = self.settings.history
        journal = Journal(path) if path else None
        self.session = Session(
            self.advisor, journal, self._report, top=CANDIDATES, live=self._live, surface="tui"
        )
        self.say(f"{len(self.knowledge)} entries. What do you see?")
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.take_words(waiting)

    @on(WentWrong)
    def tell(self, message: WentWrong) -> None:
        self.query_one(Answering).waiting = False
        self.say(message.message)
        self.notify(message.hint or message.message, severity="error", timeout=10, markup=False)

    @on(QuestionTyped)
    def take_words(self, message: QuestionTyped) -> None:
        session, text = self.session, message.text
        if session is None:
            self._waiting = message
            if message.finished:
                self.say("Loading… your question will be answered as soon as that is done.")
        elif not message.finished:
            self.preview(session, text)
        elif (ask := self.query_one(Answering).ask) and (option := ask.chosen(text)):
            self.query_one(QuestionInput).value = ""
            self.take_option(OptionChosen(ask.id, option.id))
        else:
            self.turn(lambda: session.tell(text))

    @on(OptionChosen)
    def take_option(self, message: OptionChosen) -> None:
        session = self.session
        assert session is not None
        if message.option == NOT_HELPED:
            entry = message.question.partition(":")[2]
            self.turn(lambda: session.reject(entry))
        else:
            self.turn(lambda: session.answer(message.question, message.option))

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def preview(self, session: Session, text: str) -> None:
        """Show what fits while the person is typing; nothing of it is kept."""
        try:
            self.post_message(Previewed(session.conversation.tell(text)))
        except BadQuestion:
            return

    @work(thread=True, group="turn", exit_on_error=False)
    def turn(self, act: Callable[[], Reply], anew: bool = False) -> None:
        """Take a turn in a worker, after those before it."""
        with self._turn:
            try:
                reply = act()
            except AdvisorError as error:
                self.post_message(WentWrong(error.message, error.hint))
                return
        self.post_message(Replied(reply, anew))

    @on(Previewed)
    def show_candidates(self, message: Previewed) -> None:
        # What was typed may have been sent, or deleted, in the meantime.
        if self.query_one(QuestionInput).value.strip():
            self.query_one(MatchList).show(message.reply)

    @on(Replied)
    def show_reply(self, message: Replied) -> None:
        session, reply = self.session, message.reply
        assert session is not None
        self.query_one(QuestionInput).value = ""
        self.say(headline(reply))
        self._show_list("talk")
        if session.advisor is not self.advisor:
            self.advisor = session.advisor
            self.fill_tree(EntriesLoaded(session.advisor.knowledge))
        entries = session.advisor.knowledge.entries
        transcript = self.query_one(Transcript)
        self.stop_words()
        if message.anew:
            said = reply.conversation.replies()
            transcript.show(list(zip(reply.conversation.turns, said)), entries)
        else:
            transcript.add(reply.conversation.turns[-1], reply, entries)
        self.query_one(MatchList).show(reply)
        answering = self.query_one(Answering)
        answering.show(offered(reply))
        if answering.ask:
            answering.focus_options()
        else:
            self.query_one(QuestionInput).focus()
        if self.llm is not None and not message.anew and likely(reply.answer):
            self.retell(self.llm, reply.answer)

    @on(EntryChosen)
    def read_chosen(self, message: EntryChosen) -> None:
        self.open_entry(message.entry_id, message.enter)

    def open_entry(self, entry_id: str, enter: bool = False) -> None:
        self.reading_history.visit(entry_id)
        self.show_entry(entry_id)
        if enter:
            self.query_one("#reading").focus()

    def show_entry(self, entry_id: str) -> None:
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
        """Actions on an entry or a conversation are off until there is one."""
        needs_entry = action in {"copy_code", "copy_link", "copy_entry", "open_page", "linked"}
        needs_talk = action in {"reject", "undo", "export"}
        if needs_talk:
            return self.session is not None and self.session.reply is not None
        return not needs_entry or self.shown is not None

    def action_help(self) -> None:
        """Show the keys."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_question(self) -> None:
        """Back to the conversation, ready to type."""
        self._show_list("talk")
        self.query_one(QuestionInput).focus()

    def action_switch_list(self) -> None:
        """The conversation or all entries."""
        browsing = self.query_one(ContentSwitcher).current == "browse"
        if browsing:
            self.action_question()
        else:
            self._show_list("browse")
            self.query_one("#browse").focus()
