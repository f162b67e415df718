"""The conversation's side of the screen: what was said, and the options to answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as Row

from advisor.chat_text import WORTH_NAMING, to_confirm, turn_text
from advisor.conversation import MATCH_FROM
from advisor.entry import Entry
from advisor.reply import CHECK, CONFIRMED, NOT_CONFIRMED, Ask, Option, Reply, Turn
from advisor.tui.messages import OptionChosen, TypedElsewhere

# Lines of a pasted log that the transcript shows; all of it is read.
LINES_SHOWN = 6
CHARACTERS_SHOWN = 600
NOT_HELPED = "not-helped"
LETTER_KEYS = "xue"  # not it, undo, export: what the footer offers beside the options
HEADLINES = {
    "match": "The first entry probably helps. Check it before you fix it.",
    "unsure": "Not sure yet. Answer the question, or say more.",
    "none": "Nothing here fits that yet. Answer, or say what the loss or the program does.",
}
WELCOME = """\
Say what you see, in your own words. A vague sentence will do: I ask back until it is clear.

my model does not learn
loss becomes nan after 300 steps
my GAN paints one face

You can paste a whole error message or log. F2 browses all entries, F4 past conversations, F1 \
shows the keys."""


class Transcript(VerticalScroll):
    """What the person and the advisor said, in order. Nothing in it is read as markup."""

    def __init__(self) -> None:
        super().__init__(id="transcript")

    def compose(self) -> ComposeResult:
        yield Static(WELCOME, classes="only-at-start", markup=False)

    def show(self, said: Sequence[tuple[Turn, Reply]], knowledge: Mapping[str, Entry]) -> None:
        """Replace everything by these turns and their replies."""
        self.remove_children()
        if not said:
            self.mount(Static(WELCOME, classes="only-at-start", markup=False))
        for turn, reply in said:
            self.add(turn, reply, knowledge)

    def add(self, turn: Turn, reply: Reply, knowledge: Mapping[str, Entry]) -> None:
        """Put a turn and its reply below the others."""
        if any(child.has_class("only-at-start") for child in self.children):
            self.remove_children()
        self.mount(Static(_shortened(turn_text(turn, knowledge)), classes="person", markup=False))
        self.mount(Static(_told(reply), classes="advisor"))
        self.scroll_end(animate=False)

    def add_words(self, text: str, kind: str) -> None:
        """A sentence by a language model ("words"), or a "note" on what it left out."""
        waits = self.query(".writing")
        said = Static(text, classes=f"advisor {kind}", markup=False)
        self.mount(said, before=waits.first() if waits else None)
        self.scroll_end(animate=False)

    def writing(self, busy: bool) -> None:
        """Show that a language model is still at it, or no longer."""
        self.query(".writing").remove()
        if busy:
            self.mount(Static("A language model is writing…", classes="advisor note writing"))
            self.scroll_end(animate=False)


def _shortened(text: str) -> str:
    lines = text.splitlines()
    shown = "\n".join(lines[:LINES_SHOWN])[:CHARACTERS_SHOWN]
    left = len(lines) - LINES_SHOWN
    if left > 0:
        return f"{shown}\n… and {left} more lines"
    return shown if len(shown) == len(text) else f"{shown}…"


def _told(reply: Reply) -> Content:
    """The reply in short: what was heard, what is out, what would confirm the first."""
    parts: list[tuple[str, str]] = []
    if reply.answer.note:
        parts.append((reply.answer.note, "$text-warning"))
    parts += [(f"Heard: {line}", "") for line in reply.heard]
    parts += [(f"Less likely: {out.title}: {out.why}", "dim") for out in reply.ruled_out]
    if reply.look_elsewhere:
        parts.append(("If it did not help, its entry says:", ""))
        parts.append((reply.look_elsewhere.strip(), "dim"))
    if not reply.answer.matches:
        parts.append(("No entry is left. u takes a step back, Ctrl+N begins anew.", ""))
    elif reply.confirm and reply.answer.matches[0].probability >= WORTH_NAMING:
        parts.append((f"Most likely now: {reply.confirm.title}", "bold"))
        if reply.ask and (step := to_confirm(reply)):
            parts.append((f"To confirm it: {step}", ""))
    elif reply.ask:
        parts.append(("That fits many entries a little.", ""))
    if not reply.ask and reply.answer.matches:
        entry = reply.answer.matches[0].entry
        check, remedy = entry.checks[0], entry.remedies[0]
        parts.append((f"Check: {check.do} {check.expect}", ""))
        parts.append((f"Fix: {remedy.do} {remedy.effect}", ""))
    pieces: list[str | tuple[str, str]] = []
    for text, style in parts:
        pieces += ["\n" if pieces else "", (text, style) if style else text]
    return Content.assemble(*pieces)


def headline(reply: Reply) -> str:
    """What to do now, in one sentence for the status line."""
    verdict = reply.answer.verdict
    if verdict == "match" and reply.ask and reply.answer.matches[0].probability < MATCH_FROM:
        verdict = "unsure"  # beside a bar of 32% nobody believes that it probably helps
    return reply.answer.note or HEADLINES[verdict]


def offered(reply: Reply) -> Ask | None:
    """What can be answered now: the question, or else how check and fix of the first went."""
    if reply.ask or not reply.confirm:
        return reply.ask
    entry = reply.confirm.entry
    done = {turn.question: turn.option for turn in reply.conversation.turns}
    options = [Option(NOT_HELPED, "I tried its fix: it did not help")]
    if f"{CHECK}{entry}" not in done:
        options = [
            Option(CONFIRMED, "I did its check: it confirms it"),
            Option(NOT_CONFIRMED, "I did its check: it rules it out"),
            *options,
        ]
    return Ask(f"{CHECK}{entry}", f"How did it go with “{reply.confirm.title}”?", tuple(options))


class Answering(Vertical):
    """The question and its options, chosen by number key, arrows or mouse."""

    def __init__(self) -> None:
        super().__init__(id="answering")
        self.ask: Ask | None = None
        # Once an option is chosen, the keys wait for the reply: on a busy machine a second press
        # would answer a question that the person has not seen.
        self.waiting = False
        # Words were begun here and go on in the input.
        self.typing = False

    def compose(self) -> ComposeResult:
        yield Static("", id="asked", markup=False)
        yield OptionList(id="options")

    def show(self, ask: Ask | None) -> None:
        """Offer a question; None hides it."""
        self.ask = ask
        self.waiting = False
        self.display = ask is not None
        options = self.query_one("#options", OptionList)
        options.clear_options()
        if ask is None:
            return
        self.query_one("#asked", Static).update(ask.text)
        for number, option in enumerate(ask.options, start=1):
            label = Content.assemble((f" {number} ", "bold $accent"), option.label)
            options.add_option(Row(label, id=option.id))
        options.highlighted = 0

    def focus_options(self) -> None:
        """Let the number keys answer."""
        self.query_one("#options").focus()

    def on_key(self, event: events.Key) -> None:
        character = event.character or ""
        if self.typing or (character.isalpha() and character not in LETTER_KEYS):
            # Who goes on typing means words: "loss" would copy a link and open the browser. What
            # was typed quickly comes here too, before the input has the focus.
            if character.isprintable() and character:
                self.typing = True
                event.stop()
                self.post_message(TypedElsewhere(character))
        elif self.ask and character and character in "123456789":
            number = int(character)
            if number <= len(self.ask.options):
                event.stop()
                self._choose(self.ask, self.ask.options[number - 1].id)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.post_message(TypedElsewhere(event.text, pasted=True))

    def on_descendant_focus(self) -> None:
        self.typing = False

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.ask and event.option_id and not self.typing:
            self._choose(self.ask, event.option_id)

    def _choose(self, ask: Ask, option: str) -> None:
        if not self.waiting:
            self.waiting = True
            self.post_message(OptionChosen(ask.id, option))
