"""Entries that change while a process is up: what is taken in, what is kept, what is told."""

from __future__ import annotations

import shutil
import time

import pytest
from conftest import SMALL_KB

from advisor.answer import open_advisor
from advisor.live import Live
from advisor.settings import Settings

BROKEN = "---\ntitle: half a sen"


@pytest.fixture
def kb(tmp_path):
    return shutil.copytree(SMALL_KB, tmp_path / "kb")


@pytest.fixture
def told():
    return []


@pytest.fixture
def live(kb, tmp_path, told):
    made = Live(Settings(kb=(kb,), cache=tmp_path / "cache"), told.append)
    yield made
    made.stop()


def retitle(kb, name: str, title: str) -> None:
    text = (kb / f"{name}.md").read_text()
    old = next(line for line in text.splitlines() if line.startswith("title: "))
    (kb / f"{name}.md").write_text(text.replace(old, f"title: {title}"))


def titles(live) -> dict[str, str]:
    return {entry.id: entry.title for entry in live.advisor.knowledge}


def test_a_broken_entry_stays_as_it_was_while_the_others_change(live, kb, told):
    before = live.advisor.ask("my gan paints one face")
    good = (kb / "same-face.md").read_text()
    (kb / "same-face.md").write_text(BROKEN)
    retitle(kb, "rocket-loss", "A step far too large")
    (kb / "flat-loss.md").unlink()
    assert live.refresh()
    assert titles(live)["rocket-loss"] == "A step far too large"
    assert "flat-loss" not in titles(live)
    # Not only its text: it is found by the same words, as surely as before.
    after = live.advisor.ask("my gan paints one face")
    assert after.matches[0].entry == before.matches[0].entry
    assert after.matches[0].probability == pytest.approx(before.matches[0].probability, abs=0.05)
    assert live.state.behind
    assert live.state.left_out == ()
    assert len(live.state.outdated) == 1
    assert "same-face.md:1: KB" in live.state.outdated[0]
    assert f"Kept as it last was: {live.state.outdated[0]}" in told
    # It outlasts further changes, also to a file that is broken in another way.
    (kb / "same-face.md").write_text(BROKEN + "tence")
    retitle(kb, "rocket-loss", "A step much too large")
    assert live.refresh()
    assert titles(live)["rocket-loss"] == "A step much too large"
    assert titles(live)["same-face"] == "Generator shows one sample"
    (kb / "same-face.md").write_text(good)
    assert live.refresh()
    assert not live.state.behind


def test_what_is_kept_is_kept_in_memory_only(live, kb):
    (kb / "same-face.md").write_text(BROKEN)
    assert live.refresh()
    # A new process has never seen the good state: it says what the files say.
    fresh = open_advisor(live.settings)
    assert "same-face" not in fresh.knowledge
    assert "same-face" in live.advisor.knowledge


def test_a_new_entry_that_is_broken_is_left_out_and_told(live, kb, told):
    (kb / "new-one.md").write_text(BROKEN)
    retitle(kb, "rocket-loss", "A step far too large")
    assert live.refresh()
    assert titles(live)["rocket-loss"] == "A step far too large"
    assert "new-one.md:1: KB" in live.state.left_out[0]
    assert f"Left out: {live.state.left_out[0]}" in told
    assert not live.state.behind


def test_a_broken_entry_that_is_deleted_goes(live, kb):
    (kb / "same-face.md").write_text(BROKEN)
    assert live.refresh()
    (kb / "same-face.md").unlink()
    assert live.refresh()
    assert "same-face" not in titles(live)
    assert not live.state.behind


def test_two_files_of_one_id_and_a_missing_folder_hold_everything(tmp_path, told):
    kb, other = (shutil.copytree(SMALL_KB, tmp_path / name) for name in ("kb", "other"))
    for path in other.glob("*.md"):
        path.unlink()
    live = Live(Settings(kb=(kb, other), cache=tmp_path / "cache"), told.append)
    served = live.advisor
    shutil.copy(kb / "same-face.md", other / "same-face.md")
    assert not live.refresh()
    assert live.advisor is served
    assert "same-face" in live.state.held
    assert live.state.behind
    # The same trouble is told once, however often it is looked at.
    assert not live.refresh()
    assert len([line for line in told if "stay in use" in line]) == 1
    other.rename(tmp_path / "away")
    assert not live.refresh()
    assert "does not exist" in live.state.held
    (tmp_path / "away").rename(other)
    (other / "same-face.md").unlink()
    live.refresh()
    assert not live.state.behind


def test_the_watch_sees_changes_by_itself(live, kb):
    live.watch()
    # The watch begins in a thread: a change before that is seen at its first timeout only.
    time.sleep(1)
    for title in ("A step far too large", "A step much too large"):
        retitle(kb, "rocket-loss", title)
        end = time.monotonic() + 60
        while titles(live)["rocket-loss"] != title:
            assert time.monotonic() < end
            time.sleep(0.1)
