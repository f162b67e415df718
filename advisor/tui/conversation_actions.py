"""What one can do with the conversation: undo, rule out, begin anew, go on, export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual import on, work
from textual.widgets import OptionList
from textual.worker import get_current_worker

from advisor.chat_text import markdown
from advisor.errors import AdvisorError
from advisor.llm import Llm, retold
from advisor.reply import Reply
from advisor.results import Answer
from advisor.session import Session
from advisor.tui.candidates import MatchList
from advisor.tui.entry_actions import EntryActions
from advisor.tui.messages import TypedElsewhere
from advisor.tui.past import PastConversations
from advisor.tui.talk import Answering, Transcript
from advisor.tui.widgets import QuestionInput


class ConversationActions(EntryActions):
    """The part of the app that acts on the conversation as a whole."""

    session: Session | None

    def turn(self, act: Callable[[], Reply], anew: bool = False) -> object:
        """Take a turn and show its reply."""
        raise NotImplementedError

    def action_question(self) -> None:
        """Back to the conversation, ready to type."""
        raise NotImplementedError

    def action_switch_list(self) -> None:
        """The conversation or all entries."""
        raise NotImplementedError

    def action_switch_theme(self) -> None:
        """Light or dark."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    @on(TypedElsewhere)
    def go_on_typing(self, message: TypedElsewhere) -> None:
        """Go on in the input with what was begun, or pasted, among the options."""
        self.action_question()
        typed = self.query_one(QuestionInput)
        if message.pasted:
            typed.take_paste(message.text)
        else:
            typed.insert_text_at_cursor(message.text)

    @work(thread=True, exclusive=True, group="words", exit_on_error=False)
    def retell(self, llm: Llm, answer: Answer) -> None:
        """The answer in a model's words, sentence by sentence, below the plain reply."""
        worker, transcript = get_current_worker(), self.query_one(Transcript)

        def show(act: Callable[[], object]) -> None:
            # Asked on the screen's own thread: the next turn may have come in between.
            if not worker.is_cancelled:
                act()

        self.call_from_thread(show, partial(transcript.writing, True))
        for kind, text in retold(llm, answer, lambda: worker.is_cancelled):
            self.call_from_thread(show, partial(transcript.add_words, text, kind))
        self.call_from_thread(show, partial(transcript.writing, False))

    def stop_words(self) -> None:
        """Leave out what a language model would still say to an earlier turn."""
        self.workers.cancel_group(self, "words")
        self.query_one(Transcript).writing(False)

    def action_undo(self) -> None:
        """Take back the last turn."""
        assert self.session is not None
        self.turn(self.session.undo, anew=True)

    def action_reject(self) -> None:
        """The highlighted candidate is not it, or its remedy did not help."""
        session, matches = self.session, self.query_one("#matches", OptionList)
        assert session is not None
        if matches.highlighted is None:
            return
        entry = matches.get_option_at_index(matches.highlighted).id
        if entry:
            self.turn(lambda: session.reject(entry))

    def action_begin_anew(self) -> None:
        """Leave this conversation, which is kept, and begin another."""
        if self.session is None:
            return
        self.stop_words()
        self.session.begin_anew()
        self.query_one(Transcript).show((), {})
        self.query_one(Answering).show(None)
        self.query_one(MatchList).clear()
        self.action_question()

    def action_past(self) -> None:
        """Choose a past conversation to go on with."""
        if isinstance(self.screen, PastConversations) or self.session is None:
            return
        session = self.session
        if session.journal is None:
            self.notify("No history is kept (DLADVISOR_HISTORY is off).", markup=False)
            return

        def go_on(key: int | None) -> None:
            if key is not None:
                self.turn(lambda: session.resume(key), anew=True)

        try:
            session.journal.all()
        except AdvisorError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False)
            return
        self.push_screen(PastConversations(session.journal), go_on)

    def action_export(self) -> None:
        """Copy the conversation as Markdown, and write it to a file."""
        session = self.session
        assert session is not None
        assert session.reply is not None
        text = markdown(session.turns, session.reply, session.advisor.knowledge.entries)
        self.copy_to_clipboard(text)
        # A terminal may not pass the clipboard on; the file is there in any case.
        path: Path = self.settings.cache / "exports" / f"conversation-{session.key or 0}.md"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # logs hold paths and names, as in the history
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self.notify(f"It is in the clipboard, but not in a file: {error}", markup=False)
            return
        self.notify(str(path), title="Exported; also in the clipboard", markup=False, timeout=10)

    def palette_actions(self) -> list[tuple[str, Callable[[], None], str]]:
        """Name, action and explanation of what the command palette offers beside entries."""
        actions = [
            ("Type: go to the conversation", self.action_question, "Say what you see."),
            ("Browse all entries", self.action_switch_list, "By category, framework, model."),
            ("Past conversations", self.action_past, "Go on with one, or delete it. Also F4."),
            ("New conversation", self.action_begin_anew, "Also Ctrl+N."),
            ("Switch light and dark", self.action_switch_theme, "Also F3."),
        ]
        if self.session is not None and self.session.reply is not None:
            actions += [
                ("Undo the last step", self.action_undo, "Also u."),
                ("This entry is not it", self.action_reject, "Or its fix did not help. Also x."),
                ("Export the conversation as Markdown", self.action_export, "Also e."),
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
