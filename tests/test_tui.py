"""The full-screen advisor, used by its keys."""

from __future__ import annotations

import dataclasses
import shutil
import stat
import threading

import pytest
from conftest import SMALL_KB
from textual import events
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Footer, OptionList, Static, Tree

from advisor.conversation import Conversation
from advisor.errors import AdvisorError
from advisor.feedback import Feedback
from advisor.journal import Journal
from advisor.reply import Ask, Option
from advisor.settings import Settings
from advisor.tui import app as app_module
from advisor.tui import entry_actions, pages
from advisor.tui.app import AdvisorApp
from advisor.tui.candidates import MatchList
from advisor.tui.dialogs import HelpScreen, LinkedEntries
from advisor.tui.history import History
from advisor.tui.past import PastConversations
from advisor.tui.talk import HEADLINES, Answering, headline
from advisor.tui.widgets import QuestionInput

SIZES = [(80, 24), (120, 36), (200, 60)]


@pytest.fixture
def app(word_advisor, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    app = AdvisorApp(word_advisor.settings, word_advisor)
    app.animation_level = "none"
    return app


@pytest.fixture
def keeping(word_advisor, tmp_path):
    """An app that keeps its conversations, and where."""
    settings = dataclasses.replace(word_advisor.settings, history=tmp_path / "conversations.db")
    app = AdvisorApp(settings, dataclasses.replace(word_advisor, settings=settings))
    app.animation_level = "none"
    return app


async def settle(pilot: Pilot) -> None:
    await pilot.app.workers.wait_for_complete()
    for listed in pilot.app.query(MatchList):
        while listed._began is not None:
            await pilot.pause(0.02)
    await pilot.pause()
    await pilot.pause()


async def ask(pilot: Pilot, text: str) -> None:
    pilot.app.query_one(QuestionInput).value = text
    await pilot.press("enter")
    await settle(pilot)


def candidates(app: AdvisorApp) -> int:
    """The entries in the list; below them stands "none of the entries"."""
    return app.query_one(MatchList).option_count - 1


def transcript(app: AdvisorApp) -> str:
    return "\n".join(str(said.content) for said in app.query("#transcript Static"))


async def to_matches(pilot: Pilot) -> None:
    """Away from the input, where letters are text."""
    pilot.app.query_one(MatchList).focus()
    await pilot.pause()


def status(app: AdvisorApp) -> str:
    return str(app.query_one("#status", Static).content)


async def test_asking_lists_matches_and_shows_the_best(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "5 entries" in status(app)
        await ask(pilot, "loss climbs like a rocket")
        assert app.shown.id == "rocket-loss"
        assert "probably helps" in status(app)
        matches = app.query_one(MatchList)
        assert matches.get_option_at_index(0).id == "rocket-loss"
        matches.focus()
        await pilot.press("down")
        await settle(pilot)
        assert app.shown.id == matches.get_option_at_index(matches.highlighted).id != "rocket-loss"


async def test_every_word_on_the_way_can_be_typed(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"colry [x]")
        assert app.query_one(QuestionInput).value == "colry [x]"


async def test_an_answer_comes_while_typing_and_keeps_the_focus(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"gan paints one face")
        await pilot.pause(0.6)
        await settle(pilot)
        assert app.query_one(MatchList).get_option_at_index(0).id == "same-face"
        assert app.focused is app.query_one(QuestionInput)


async def test_typing_works_while_the_encoder_loads(word_advisor, monkeypatch):
    opening = threading.Event()

    def slow_open(*_arguments):
        assert opening.wait(120)
        return word_advisor

    monkeypatch.setattr("advisor.live.open_advisor", slow_open)
    app = AdvisorApp(word_advisor.settings)
    async with app.run_test(size=(80, 24)) as pilot:
        # Were it to wait for the encoder, it would wait for ever.
        await pilot.press(*"my gan paints one face")
        await pilot.press("enter")
        assert app.query_one(QuestionInput).value == "my gan paints one face"
        assert app.advisor is None
        assert "as soon as" in status(app)
        opening.set()
        await settle(pilot)
        await settle(pilot)
        assert app.shown.id == "same-face"


async def test_questions_are_kept_for_the_team_and_changed_entries_taken_in(tmp_path):
    kb = shutil.copytree(SMALL_KB, tmp_path / "kb")
    kept = tmp_path / "kept.sqlite"
    app = AdvisorApp(Settings(kb=(kb,), cache=tmp_path / "cache", feedback=kept))
    app.animation_level = "none"
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, "my gan paints one face")
        assert app.shown.title == "Generator shows one sample"
        text = (kb / "same-face.md").read_text()
        (kb / "same-face.md").write_text(
            text.replace("Generator shows one sample", "Another title")
        )
        await ask(pilot, "every digit is a seven")
        await settle(pilot)
        assert app.shown.title == "Another title"
    (asked,) = Feedback(kept, 30).questions()
    assert (asked.surface, asked.question) == ("tui", "my gan paints one face")


async def test_a_failure_to_open_is_told(word_advisor, monkeypatch):
    def fail(*_arguments):
        raise AdvisorError("The encoder is gone.", "Reinstall dladvisor.")

    monkeypatch.setattr("advisor.live.open_advisor", fail)
    app = AdvisorApp(word_advisor.settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert status(app) == "The encoder is gone."
        await pilot.press("f2", "down", "down", "enter")
        await settle(pilot)
        assert app.is_running


async def test_browsing_by_category_and_facet(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("f2")
        tree = app.query_one("#browse", Tree)
        assert app.focused is tree
        names = [str(node.label) for node in tree.root.children]
        assert names == ["By category", "By framework", "By model", "By stage", "By evidence"]
        await pilot.press("down", "down", "enter", "down", "enter")
        await settle(pilot)
        assert app.shown is not None
        assert app.shown.category == "optimization"
        assert app.focused.id == "reading"
        await pilot.press("f2")
        assert app.query_one(ContentSwitcher).current == "talk"


async def test_back_and_forward(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await to_matches(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, LinkedEntries)
        await pilot.press("enter")
        await settle(pilot)
        assert app.shown.id == "flat-loss"
        await pilot.press("left_square_bracket")
        assert app.shown.id == "rocket-loss"
        await pilot.press("right_square_bracket")
        assert app.shown.id == "flat-loss"
        await pilot.press("alt+left")
        assert app.shown.id == "rocket-loss"


async def test_links_in_the_text_open_entries_and_addresses(app, monkeypatch):
    opened = []
    monkeypatch.setattr(app_module.webbrowser, "open", opened.append)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        markdown = app.query_one("#entry")
        from textual.widgets import Markdown

        markdown.post_message(Markdown.LinkClicked(markdown, "entry:flat-loss"))
        await settle(pilot)
        assert app.shown.id == "flat-loss"
        markdown.post_message(Markdown.LinkClicked(markdown, "https://example.org/x"))
        markdown.post_message(Markdown.LinkClicked(markdown, "javascript:alert(1)"))
        await settle(pilot)
        assert opened == ["https://example.org/x"]


async def test_copying_code_link_and_entry(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await to_matches(pilot)
        await pilot.press("c")
        assert app.clipboard == "rate = 0.1\nassert rate < 1\n"
        await pilot.press("l")
        assert app.clipboard == "dladvisor show rocket-loss"
        await pilot.press("y")
        assert app.clipboard.startswith("# Step size above the limit")


async def test_copying_where_there_is_no_code_says_so(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "my gan paints one face")
        await to_matches(pilot)
        await pilot.press("c")
        await pilot.pause()
        assert app.clipboard == ""
        assert any("no code" in note.message for note in app._notifications)


async def test_the_page_opens_in_the_browser(app, monkeypatch):
    opened = []
    monkeypatch.setattr(entry_actions.webbrowser, "open", opened.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await to_matches(pilot)
        await pilot.press("o")
    (address,) = opened
    assert address.startswith("file://")
    page = (app.settings.cache / "pages" / "rocket-loss.html").read_text()
    assert "<h1>Step size above the limit</h1>" in page


def test_a_page_is_on_the_site_if_its_address_is_set(word_advisor):
    settings = dataclasses.replace(word_advisor.settings, site="https://docs.example/")
    entry = word_advisor.knowledge.get("rocket-loss")
    assert pages.address(entry, settings) == "https://docs.example/kb/rocket-loss/"


def test_a_local_page_runs_no_script(word_advisor):
    bad = "<script>alert(1)</script> [x](javascript:alert(1))"
    entry = dataclasses.replace(
        word_advisor.knowledge.get("rocket-loss"), title=f"T {bad}", why=bad
    )
    pages.address(entry, word_advisor.settings)
    page = (word_advisor.settings.cache / "pages" / "rocket-loss.html").read_text()
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "default-src 'none'" in page


async def test_help_theme_and_palette(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)
        dark = app.theme
        await pilot.press("f3")
        assert app.theme != dark
        await pilot.press("ctrl+p")
        await pilot.press(*"same person")
        await pilot.pause(0.8)
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)


async def test_the_palette_opens_an_entry_by_name(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        await pilot.press(*"leaky-split")
        await pilot.pause(0.8)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.pause(0.3)
        assert app.shown is not None
        assert app.shown.id == "leaky-split"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=repr)
async def test_a_paste_of_300_lines_is_one_question(app, end):
    from textual import events

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        log = end.join(f"step {n} \x1b[31mloss\x1b[0m nan" for n in range(300))
        box = app.query_one(QuestionInput)
        box.post_message(events.Paste(log))
        await settle(pilot)
        assert box.value.startswith("step 0 loss nan⏎step 1 loss nan")
        assert "\x1b" not in box.value
        await pilot.press("enter")
        await settle(pilot)
        assert box.value == ""
        assert candidates(app) == 5
        assert app.session.turns[0].text.splitlines()[299] == "step 299 loss nan"
        assert "… and 294 more lines" in transcript(app)


async def test_markup_in_a_question_is_text(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "[bold red]loss[/] is nan [@click=app.quit()]x[/]")
        assert app.is_running
        assert candidates(app) == 5
        assert "[@click=app.quit()]x[/]" in transcript(app)


@pytest.mark.parametrize("question", ["", "   ", "123"])
async def test_an_empty_question_is_told(app, question):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, question)
        assert "question" in status(app)
        assert app.shown is None


async def test_the_mouse_chooses_too(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        matches = app.query_one("#matches", OptionList)
        await pilot.click("#matches", offset=(3, 4))
        await settle(pilot)
        assert matches.highlighted > 0
        assert app.shown.id == matches.get_option_at_index(matches.highlighted).id


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_everything_fits_the_screen(app, size):
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        for widget in ("#asking", "#status", "#transcript", "#matches", "#reading"):
            region = app.query_one(widget).region
            assert region.right <= size[0], widget
            assert region.bottom <= size[1], widget
            assert region.width > 0
            assert region.height > 0
        assert app.query_one("#matches").region.width >= 26
        assert app.query_one(Footer).region.bottom == size[1]


VAGUE = "training is strange, loss and data and memory"


async def test_a_question_is_answered_by_its_number(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        answering = app.query_one(Answering)
        assert answering.ask is not None
        assert app.focused.id == "options"
        name, option = answering.ask.id, answering.ask.options[1]
        await pilot.press("2")
        await settle(pilot)
        turn = app.session.turns[-1]
        assert (turn.question, turn.option) == (name, option.id)
        assert option.label in transcript(app)


async def test_a_second_press_answers_nothing_that_was_not_seen(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        answering = app.query_one(Answering)
        for key in "21":
            answering.query_one("#options").post_message(events.Key(key, key))
        await settle(pilot)
        assert [turn.kind for turn in app.session.turns] == ["tell", "answer"]
        assert answering.waiting is False


async def test_a_number_typed_in_the_input_answers_too(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        await pilot.press("escape")
        await ask(pilot, "1")
        assert [turn.kind for turn in app.session.turns] == ["tell", "answer"]
        await pilot.press("escape")
        await ask(pilot, "I don't know")
        assert app.session.turns[-1].option == "dont-know"
        await pilot.press("escape")
        await ask(pilot, "77 GPUs hang")
        assert app.session.turns[-1].kind == "tell"


def test_the_headline_promises_no_more_than_the_first_bar(word_advisor):
    reply = Conversation.start(word_advisor).tell("loss climbs like a rocket")
    assert reply.answer.verdict == "match"
    asked = dataclasses.replace(reply, ask=Ask("onset", "When?", (Option("x", "x"),)))
    assert headline(asked) == headline(reply) == HEADLINES["match"]
    low = (dataclasses.replace(reply.answer.matches[0], probability=0.32),)
    answer = dataclasses.replace(reply.answer, matches=low)
    assert headline(dataclasses.replace(asked, answer=answer)) == HEADLINES["unsure"]


async def test_words_that_are_typed_among_the_options_are_words(app, monkeypatch):
    opened = []
    monkeypatch.setattr(entry_actions.webbrowser, "open", opened.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        for key in ("L", "o", "s", "s", "space", "x"):
            await pilot.press(key)
        assert app.query_one(QuestionInput).value == "Loss x"
        app.query_one("#options").focus()
        await pilot.pause()
        app.query_one("#options").post_message(events.Paste(" step 1\rstep 2"))
        await pilot.pause()
        assert app.query_one(QuestionInput).value == "Loss x step 1⏎step 2"
        app.query_one("#options").focus()
        await pilot.pause()
        for key in "no 1":  # all of them before the focus moves
            app.query_one("#options").post_message(events.Key(key, key))
        await settle(pilot)
        assert app.query_one(QuestionInput).value.endswith("no 1")
        assert opened == []
        assert [turn.kind for turn in app.session.turns] == ["tell"]


async def test_an_option_is_clicked(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        option = app.query_one(Answering).ask.options[2].id
        await pilot.click("#options", offset=(4, 2))
        await settle(pilot)
        assert app.session.turns[-1].option == option


async def test_bars_show_where_they_were(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        session = app.session
        app.turn(lambda: session.answer("train_loss", "rising"))
        await settle(pilot)
        line = str(app.query_one(MatchList).get_option_at_index(0).prompt)
        assert "Step size above the limit" in line
        assert "▲ was" in line
        assert "█" in line


async def test_bars_move_when_animations_are_on(word_advisor):
    app = AdvisorApp(word_advisor.settings, word_advisor)
    app.animation_level = "full"
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        reply = app.session.conversation.answer("train_loss", "rising")
        matches = app.query_one(MatchList)
        lead = [move.entry for move in reply.moves].index("rocket-loss")
        before, after = f"{reply.moves[lead].before:.0%}", f"{reply.moves[lead].after:.0%}"
        matches.show(reply)
        assert f" {after} ▲" not in str(matches.get_option_at_index(0).prompt)
        await pilot.pause(1)
        assert f" {after} ▲ was {before}" in str(matches.get_option_at_index(0).prompt)


async def test_an_entry_is_rejected_and_undone(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await to_matches(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert app.session.turns[-1].entry == "rocket-loss"
        assert "you said that this is not it" in transcript(app)
        assert app.query_one(MatchList).get_option_at_index(0).id != "rocket-loss"
        await to_matches(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert len(app.session.turns) == 1
        assert "you said that this is not it" not in transcript(app)
        assert app.query_one(MatchList).get_option_at_index(0).id == "rocket-loss"
        await to_matches(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert "nothing to undo" in status(app)


async def test_when_it_is_clear_check_and_fix_are_asked_about(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await ask(pilot, VAGUE)
        session = app.session
        app.turn(lambda: session.answer("train_loss", "rising"))
        app.turn(lambda: session.answer("check:rocket-loss", "confirmed"))
        await settle(pilot)
        assert app.session.reply.ask is None
        answering = app.query_one(Answering)
        assert [option.label for option in answering.ask.options] == [
            "I tried its fix: it did not help"
        ]
        assert "Fix:" in transcript(app)
        await pilot.press("1")
        await settle(pilot)
        assert app.session.turns[-1].kind == "reject"


async def test_past_conversations_are_listed_resumed_and_deleted(keeping):
    app = keeping
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert app.session.reply is None
        assert "A vague sentence" in transcript(app)
        await ask(pilot, "my gan paints one face")
        assert len(Journal(app.settings.history).all()) == 2
        await pilot.press("f4")
        await pilot.pause()
        assert isinstance(app.screen, PastConversations)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.session.turns[0].text == "loss climbs like a rocket"
        assert "loss climbs like a rocket" in transcript(app)
        await pilot.press("f4")
        await pilot.pause()
        await pilot.press("d", "d", "d")
        await pilot.pause()
        assert Journal(app.settings.history).all() == []
        await pilot.press("escape")
        assert not isinstance(app.screen, PastConversations)


async def test_without_history_the_list_says_so(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f4")
        await pilot.pause()
        assert not isinstance(app.screen, PastConversations)
        assert any("No history" in note.message for note in app._notifications)


async def test_a_conversation_is_exported(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await to_matches(pilot)
        await pilot.press("e")
        await pilot.pause()
        assert app.clipboard.startswith("## What I see")
        written = app.settings.cache / "exports" / "conversation-0.md"
        assert written.read_text() == app.clipboard
        assert stat.S_IMODE(written.stat().st_mode) == 0o600


async def test_in_forty_columns_an_entry_takes_the_screen_while_it_is_read(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        assert app.query_one("#left").display
        await to_matches(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.focused.id == "reading"
        assert app.query_one("#reading").region.width > 70
        await pilot.press("escape")
        await settle(pilot)
        assert app.query_one("#reading").region.width < 45
        assert app.focused is app.query_one(QuestionInput)


async def test_words_that_are_typed_and_deleted_change_nothing(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await pilot.press("escape")
        await pilot.press(*"gan face one")
        app.query_one(QuestionInput).value = ""
        await pilot.pause(0.6)
        await settle(pilot)
        assert app.session.turns[-1].text == "loss climbs like a rocket"
        assert app.query_one(MatchList).get_option_at_index(0).id == "rocket-loss"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_answer_looks_as_it_should(app, snap_compare, size):
    async def act(pilot: Pilot) -> None:
        app.query_one(QuestionInput).cursor_blink = False
        await settle(pilot)
        await ask(pilot, VAGUE)
        session = app.session
        app.turn(lambda: session.answer("train_loss", "rising"))
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=act)


def test_browsing_looks_as_it_should_in_light(app, snap_compare):
    async def act(pilot: Pilot) -> None:
        app.query_one(QuestionInput).cursor_blink = False
        await settle(pilot)
        await pilot.press("f3", "f2", "down", "down", "enter", "down", "enter")
        await settle(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


def test_history_goes_back_and_forward_and_cuts_what_lies_ahead():
    history = History()
    assert history.back() is None
    for entry in ("a", "b", "b", "c"):
        history.visit(entry)
    assert history.back() == "b"
    assert history.back() == "a"
    assert history.back() is None
    assert history.forward() == "b"
    history.visit("d")
    assert history.forward() is None
    assert history.back() == "b"
