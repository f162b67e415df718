"""One conversation being held: its latest reply, kept in the journal after every turn.

The only part that changes; what a front end needs beside it is how to show a `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

from advisor.answer import NO_FILTER, Advisor, Filter
from advisor.conversation import Conversation
from advisor.errors import AdvisorError, BadQuestion
from advisor.journal import Journal
from advisor.reply import Reply, Turn
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
    ) -> None:
        self.advisor = advisor
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
        return reply

    def begin_anew(self) -> None:
        """Leave this conversation (it stays in the journal) and begin another."""
        fresh = Conversation.start(self.advisor, self.conversation.only, self.conversation.top)
        self.key, self.conversation, self.reply = None, fresh, None

    def tell(self, text: str) -> Reply:
        """See Conversation.tell."""
        return self._keep(self.conversation.tell(text))

    def answer(self, question: str, option: str) -> Reply:
        """See Conversation.answer."""
        return self._keep(self.conversation.answer(question, option))

    def reject(self, entry_id: str) -> Reply:
        """See Conversation.reject."""
        return self._keep(self.conversation.reject(entry_id))

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
