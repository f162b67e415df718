"""The widgets of the advisor's screen; they know nothing of each other and post messages."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Markdown, Tree

from advisor import vocabulary
from advisor.knowledge import Knowledge
from advisor.question import MAX_CHARACTERS
from advisor.safe_text import printable
from advisor.tui.messages import EntryChosen, QuestionTyped

# How long to wait after a key before an answer is looked for, in seconds. An answer takes
# some 10 ms in a worker, so this only keeps the list from flickering between letters.
TYPING_PAUSE = 0.35
# Fewer letters than this say nothing worth ranking.
SHORTEST_TYPED = 8


# Stands for the end of a line in what was pasted; the input has one line only.
RETURN = "⏎"


class QuestionInput(Input):
    """One line to type in. A pasted log or post of many lines is kept, its line ends as RETURN."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="What do you see?",
            id="question",
            compact=True,
            select_on_focus=False,
        )
        self._pause: Timer | None = None

    def take_paste(self, text: str) -> None:
        """Put in a pasted text with all its lines."""
        # Terminals send a carriage return for each line end; printable() would drop it.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = [line.rstrip() for line in printable(text).splitlines()]
        text = RETURN.join(line for line in lines if line.strip())[:MAX_CHARACTERS]
        if text:
            self.replace(text, *self.selection)

    def _on_paste(self, event: events.Paste) -> None:
        # Textual's Input keeps the first line only; an error message needs them all.
        self.take_paste(event.text)
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
            self.post_message(QuestionTyped(self._text(), finished=False))

    def _text(self) -> str:
        return self.value.replace(RETURN, "\n")

    @on(Input.Submitted)
    def tell_finished(self, event: Input.Submitted) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self.post_message(QuestionTyped(self._text(), finished=True))


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


class ReadingPane(VerticalScroll):
    """Where an entry is read. While it has the focus the screen is marked `-reading`."""

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children, id="reading")

    def on_focus(self) -> None:
        self.screen.add_class("-reading")

    def on_blur(self) -> None:
        self.screen.remove_class("-reading")
