"""The widgets of the advisor's screen; they know nothing of each other and post messages."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Markdown, OptionList, Tree
from textual.widgets.option_list import Option

from advisor import vocabulary
from advisor.knowledge import Knowledge
from advisor.question import MAX_CHARACTERS
from advisor.results import Answer, Match, in_words
from advisor.safe_text import printable
from advisor.tui.messages import EntryChosen, QuestionTyped

# How long to wait after a key before an answer is looked for, in seconds. An answer takes
# some 10 ms in a worker, so this only keeps the list from flickering between letters.
TYPING_PAUSE = 0.35
# Characters of a reason in the list: two lines at 80 columns.
REASON_SHOWN = 56
# Fewer letters than this say nothing worth ranking.
SHORTEST_TYPED = 8


class QuestionInput(Input):
    """One line for the question. A pasted log or post of many lines is kept, joined by spaces."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="What do you see? For example: loss becomes nan after 300 steps",
            id="question",
            compact=True,
            select_on_focus=False,
        )
        self._pause: Timer | None = None

    def _on_paste(self, event: events.Paste) -> None:
        # Textual's Input keeps the first line only; an error message needs them all.
        text = " ".join(printable(event.text).split())[:MAX_CHARACTERS]
        if text:
            self.replace(text, *self.selection)
        event.stop()
        event.prevent_default()

    @on(Input.Changed)
    def wait_for_a_pause(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(TYPING_PAUSE, self._tell_typed)

    def _tell_typed(self) -> None:
        if len(self.value.strip()) >= SHORTEST_TYPED:
            self.post_message(QuestionTyped(self.value, finished=False))

    @on(Input.Submitted)
    def tell_finished(self, event: Input.Submitted) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self.post_message(QuestionTyped(self.value, finished=True))


class MatchList(OptionList):
    """The matches of an answer, best first, each with its probability and why it was found."""

    def __init__(self) -> None:
        super().__init__(id="matches")

    def show(self, answer: Answer) -> None:
        """Replace the list by an answer's matches."""
        self.clear_options()
        for number, match in enumerate(answer.matches):
            if number:
                self.add_option(None)
            self.add_option(Option(_match_line(match), id=match.entry.id))
        if answer.matches:
            self.highlighted = 0

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


def _match_line(match: Match) -> Content:
    """Title, chance in words and number, and the first reason; never read as markup."""
    chance = f"{match.probability:>4.0%} {in_words(match.probability)}"
    return Content.assemble(
        (match.entry.title, "bold"),
        "\n",
        (chance, "$success" if match.probability >= 0.5 else "$warning"),
        "\n",
        (_short(match.why[0]), "dim"),
    )


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_SHOWN else reason[: REASON_SHOWN - 1].rstrip() + "…"


class BrowseTree(Tree[str]):
    """All entries by category and by facet; leaves carry the entry's id."""

    FACETS = (
        ("Category", "category", vocabulary.CATEGORIES),
        ("Framework", "frameworks", vocabulary.FRAMEWORKS),
        ("Model", "architectures", vocabulary.ARCHITECTURES),
        ("Stage", "stages", vocabulary.STAGES),
        ("Evidence", "evidence", vocabulary.EVIDENCE),
    )

    def __init__(self) -> None:
        super().__init__("All entries", id="browse")
        self.show_root = False
        self.guide_depth = 2

    def show(self, knowledge: Knowledge) -> None:
        """Fill the tree with the entries."""
        self.clear()
        for name, field, values in self.FACETS:
            branch = self.root.add(Text(f"By {name.lower()}"), expand=name == "Category")
            for value in values:
                found = [entry for entry in knowledge if _has(getattr(entry, field), value)]
                if not found or value == "any":
                    continue
                node = branch.add(Text(f"{value} ({len(found)})"))
                for entry in found:
                    node.add_leaf(Text(entry.title), data=entry.id)

    @on(Tree.NodeHighlighted)
    def preview(self, event: Tree.NodeHighlighted[str]) -> None:
        event.stop()
        if event.node.data:
            self.post_message(EntryChosen(event.node.data))

    @on(Tree.NodeSelected)
    def read(self, event: Tree.NodeSelected[str]) -> None:
        event.stop()
        if event.node.data:
            self.post_message(EntryChosen(event.node.data, enter=True))


def _has(values: str | tuple[str, ...], value: str) -> bool:
    return value == values if isinstance(values, str) else value in values


class EntryText(Markdown):
    """An entry as Markdown. Links to other entries are ids; the screen follows them."""

    def __init__(self) -> None:
        super().__init__(id="entry", open_links=False)
