"""The full-screen advisor, used by its keys."""

from __future__ import annotations

import threading
import time

import pytest
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Footer, OptionList, Static, Tree

from advisor.errors import AdvisorError
from advisor.tui import app as app_module
from advisor.tui import pages
from advisor.tui.app import AdvisorApp
from advisor.tui.dialogs import HelpScreen, LinkedEntries
from advisor.tui.history import History
from advisor.tui.widgets import MatchList, QuestionInput

SIZES = [(80, 24), (120, 36), (200, 60)]


@pytest.fixture
def app(word_advisor, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    return AdvisorApp(word_advisor.settings, word_advisor)


async def settle(pilot: Pilot) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


async def ask(pilot: Pilot, text: str) -> None:
    pilot.app.query_one(QuestionInput).value = text
    await pilot.press("enter")
    await settle(pilot)


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
        assert app.focused is matches
        assert matches.get_option_at_index(0).id == "rocket-loss"
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
        assert opening.wait(10)
        return word_advisor

    monkeypatch.setattr(app_module, "open_advisor", slow_open)
    app = AdvisorApp(word_advisor.settings)
    async with app.run_test(size=(80, 24)) as pilot:
        begin = time.monotonic()
        await pilot.press(*"my gan paints one face")
        await pilot.press("enter")
        assert time.monotonic() - begin < 5
        assert app.query_one(QuestionInput).value == "my gan paints one face"
        assert app.advisor is None
        assert "as soon as" in status(app)
        opening.set()
        await settle(pilot)
        await settle(pilot)
        assert app.shown.id == "same-face"


async def test_a_failure_to_open_is_told(word_advisor, monkeypatch):
    def fail(*_arguments):
        raise AdvisorError("The encoder is gone.", "Reinstall dladvisor.")

    monkeypatch.setattr(app_module, "open_advisor", fail)
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
        assert app.query_one(ContentSwitcher).current == "matches"


async def test_back_and_forward(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
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
        await pilot.press("c")
        await pilot.pause()
        assert app.clipboard == ""
        assert any("no code" in note.message for note in app._notifications)


async def test_the_page_opens_in_the_browser(app, monkeypatch):
    opened = []
    monkeypatch.setattr(app_module.webbrowser, "open", opened.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        await pilot.press("o")
    (address,) = opened
    assert address.startswith("file://")
    page = (app.settings.cache / "pages" / "rocket-loss.html").read_text()
    assert "<h1>Step size above the limit</h1>" in page


def test_a_page_is_on_the_site_if_its_address_is_set(word_advisor):
    import dataclasses

    settings = dataclasses.replace(word_advisor.settings, site="https://docs.example/")
    entry = word_advisor.knowledge.get("rocket-loss")
    assert pages.address(entry, settings) == "https://docs.example/kb/rocket-loss/"


def test_a_local_page_runs_no_script(word_advisor):
    import dataclasses

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


async def test_a_paste_of_300_lines_is_one_question(app):
    from textual import events

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        log = "\n".join(f"step {n} \x1b[31mloss\x1b[0m nan" for n in range(300))
        box = app.query_one(QuestionInput)
        box.post_message(events.Paste(log))
        await settle(pilot)
        assert box.value.startswith("step 0 loss nan step 1 loss nan")
        assert "\x1b" not in box.value
        await pilot.press("enter")
        await settle(pilot)
        assert app.query_one(MatchList).option_count == 5


async def test_markup_in_a_question_is_text(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await ask(pilot, "[bold red]loss[/] is nan [@click=app.quit()]x[/]")
        assert app.is_running
        assert app.query_one(MatchList).option_count == 5


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
        await pilot.click("#matches", offset=(3, 10))
        await settle(pilot)
        assert matches.highlighted > 0
        assert app.shown.id == matches.get_option_at_index(matches.highlighted).id


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_everything_fits_the_screen(app, size):
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")
        for widget in ("#asking", "#status", "#matches", "#reading"):
            region = app.query_one(widget).region
            assert region.right <= size[0], widget
            assert region.bottom <= size[1], widget
            assert region.width > 0
            assert region.height > 0
        assert app.query_one("#matches").region.width >= 26
        assert app.query_one(Footer).region.bottom == size[1]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_answer_looks_as_it_should(app, snap_compare, size):
    async def act(pilot: Pilot) -> None:
        app.query_one(QuestionInput).cursor_blink = False
        await settle(pilot)
        await ask(pilot, "loss climbs like a rocket")

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
