"""One conversation being held: its latest reply, kept in the journal after every turn.

Changed entries are taken in between turns, and questions and votes go to the team's feedback
file where there is one. The only part that changes; what a front end needs beside it is how to
show a `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

from advisor import feedback
from advisor.answer import NO_FILTER, Advisor, Filter
from advisor.conversation import Conversation
from advisor.errors import AdvisorError, BadQuestion, UnknownName
from advisor.feedback import Surface
from advisor.journal import Journal
from advisor.live import Live
from advisor.reply import CHECK, CONFIRMED, Reply, Turn
from advisor.settings import DEFAULT_TOP


class Session:
    """Give it turns; it answers with replies and saves. `report` gets sentences on trouble."""

    def __init__(
        self,
        advisor: Advisor,
        journal: Journal | None = None,
        report: Callable[[str], None] = lambda _: None,
        only: Filter = NO_FILTER,
        top: int = DEFAULT_TOP,
        live: Live | None = None,
        surface: Surface = "cli",
    ) -> None:
        self.advisor = advisor
        self._live, self._surface = live, surface
        self._feedback = feedback.of(advisor.settings)
        self._kept = ""
        self.journal = journal
        self.report = report
        self.key: int | None = None
        self.conversation = Conversation.start(advisor, only, top)
        self.reply: Reply | None = None

    def resume(self, key: int | None = None) -> Reply:
        """Go on with a kept conversation, the last one if `key` is None."""
        if self.journal is None:
            raise AdvisorError("There is no history to resume from.", "Leave out --no-history.")
        found, body = self.journal.read(key)
        try:
            conversation = Conversation.from_json(body, self.advisor)
        except ValueError as error:
            raise AdvisorError(
                f"Conversation {found} cannot be read: {error}.",
                f"Delete it: dladvisor history --delete {found}",
            ) from error
        reply = conversation.reply()
        if reply is None:
            raise AdvisorError(f"Conversation {found} is empty.", "Begin a new one.")
        self.key, self.conversation, self.reply = found, conversation, reply
        self._kept = ""
        return reply

    def begin_anew(self) -> None:
        """Leave this conversation (it stays in the journal) and begin another."""
        fresh = Conversation.start(self.advisor, self.conversation.only, self.conversation.top)
        self.key, self.conversation, self.reply = None, fresh, None
        self._kept = ""

    def tell(self, text: str) -> Reply:
        """See Conversation.tell."""
        self._take_in_changes()
        reply = self.conversation.tell(text)
        if len(reply.conversation.turns) == 1:
            self._kept = self._record(reply)
        return self._keep(reply)

    def answer(self, question: str, option: str) -> Reply:
        """See Conversation.answer; a check that came out as expected is a helpful vote."""
        self._take_in_changes()
        reply = self.conversation.answer(question, option)
        if question.startswith(CHECK) and option == CONFIRMED:
            self._vote(question.removeprefix(CHECK), helpful=True)
        return self._keep(reply)

    def reject(self, entry_id: str) -> Reply:
        """See Conversation.reject; it is a vote as well."""
        self._take_in_changes()
        reply = self.conversation.reject(entry_id)
        self._vote(entry_id, helpful=False)
        return self._keep(reply)

    def undo(self) -> Reply:
        """See Conversation.undo; raises BadQuestion when there is nothing to undo."""
        reply = self.conversation.undo()
        if reply is None:
            raise BadQuestion("There is nothing to undo.", "Say what you see, or begin anew.")
        return self._keep(reply)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What the person did so far."""
        return self.conversation.turns

    def _take_in_changes(self) -> None:
        if self._live is not None and self._live.refresh():
            self.advisor = self._live.advisor
            state = self.conversation.to_json()
            self.conversation = Conversation.from_json(state, self.advisor)

    def _record(self, reply: Reply) -> str:
        """Keep the question where the team wants that; its id. Trouble must not cost a turn."""
        try:
            store = self._feedback
            return store.record(self._surface, reply.answer) if store is not None else ""
        except AdvisorError as error:
            self.report(f"{error.message} The question was not kept.")
            return ""

    def _vote(self, entry_id: str, helpful: bool) -> None:
        if self._feedback is None or not self._kept:
            return
        known = self.advisor.knowledge
        try:
            self._feedback.vote(self._kept, entry_id, helpful, self._surface, known)
        except UnknownName:  # it was deleted while the conversation went on
            return
        except AdvisorError as error:
            self.report(f"{error.message} The vote was not kept.")

    def _keep(self, reply: Reply) -> Reply:
        self.reply, self.conversation = reply, reply.conversation
        if self.journal is not None:
            try:
                title = self.conversation.turns[0].text
                self.key = self.journal.save(self.key, title, self.conversation.to_json())
            except AdvisorError as error:
                # Told once; the conversation itself goes on.
                self.report(f"{error.message} This conversation is not kept.")
                self.journal = None
        return reply
