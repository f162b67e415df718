"""What every serving front end does with a question: ask, keep it if wanted, go on, vote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from advisor import feedback
from advisor.answer import NO_FILTER, Filter
from advisor.conversation import Conversation
from advisor.encoder import Progress
from advisor.errors import AdvisorError, BadQuestion
from advisor.feedback import Feedback, Surface
from advisor.live import Live
from advisor.reply import Reply
from advisor.results import Answer
from advisor.settings import DEFAULT_TOP, Settings

# A person is asked 8 questions at most; more turns than this are no conversation.
MAX_TURNS = 40


@dataclass(frozen=True)
class Desk:
    """One surface's way to the advisor. Threads may share it."""

    live: Live
    surface: Surface
    feedback: Feedback | None
    report: Callable[[str], None]

    @classmethod
    def open(
        cls, settings: Settings, surface: Surface, report: Callable[[str], None] = lambda _: None
    ) -> Desk:
        """The desk for these settings; `report` gets sentences for the log."""

        def told(passages: int) -> Progress:
            report(f"The index is made first: {passages:,} passages are encoded, some 70 a second.")
            return lambda _done: None

        return cls(Live(settings, report, told), surface, feedback.of(settings), report)

    def ask(
        self, question: str, top: int = DEFAULT_TOP, only: Filter = NO_FILTER
    ) -> tuple[Answer, str]:
        """The answer, and the id to vote with ('' where nothing is kept)."""
        answer = self.live.advisor.ask(question, top, only)
        return answer, self._keep(answer)

    def begin(
        self,
        text: str,
        top: int = DEFAULT_TOP,
        only: Filter = NO_FILTER,
        question_id: str = "",
    ) -> tuple[Reply, str]:
        """The reply to the first words of a conversation, and the id to vote with.

        `question_id` is that id where the same words may come again: see Feedback.record.
        """
        reply = Conversation.start(self.live.advisor, only, top).tell(text)
        return reply, self._keep(reply.answer, question_id)

    def resume(self, state: Mapping[str, Any]) -> Conversation:
        """The conversation whose `to_json` is given; raises BadQuestion for anything else."""
        try:
            conversation = Conversation.from_json(state, self.live.advisor)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadQuestion(
                f"The conversation cannot be read: {error}.",
                "Send back the `state` of the last reply as it is.",
            ) from error
        if not conversation.turns or len(conversation.turns) > MAX_TURNS:
            raise BadQuestion(
                f"The conversation has {len(conversation.turns)} turns; 1 to {MAX_TURNS} are read.",
                "Begin a new one.",
            )
        return conversation

    def vote(self, question_id: str, entry_id: str, helpful: bool, voter: str = "") -> str:
        """Keep a vote; the entry's id. Raises UnknownName, or AdvisorError where it is off."""
        if self.feedback is None:
            raise AdvisorError("No feedback is kept here.", "Set DLADVISOR_FEEDBACK to a file.")
        known = self.live.advisor.knowledge
        return self.feedback.vote(question_id, entry_id, helpful, voter, known)

    def _keep(self, answer: Answer, question_id: str = "") -> str:
        """Keep an answered question. A full disk must not cost the answer."""
        if self.feedback is None:
            return ""
        try:
            return self.feedback.record(self.surface, answer, question_id)
        except AdvisorError as error:
            self.report(f"{error.message} The question was not kept.")
            return ""
