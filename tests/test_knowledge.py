"""The knowledge base: one bad entry leaves the others usable; clashes name both files."""

from __future__ import annotations

import shutil

import pytest
from conftest import SMALL_KB

from advisor import knowledge
from advisor.errors import AdvisorError, BadSettings, ClashingEntries, UnknownName


@pytest.fixture
def team_kb(tmp_path):
    folder = tmp_path / "team"
    shutil.copytree(SMALL_KB, folder)
    return folder


def test_entries_come_in_order_of_id(small_knowledge):
    ids = ["flat-loss", "hot-memory", "leaky-split", "rocket-loss", "same-face"]
    assert list(small_knowledge.entries) == ids


def test_one_bad_entry_is_kept_apart(team_kb):
    (team_kb / "flat-loss.md").write_text("no front matter")
    loaded = knowledge.load([team_kb])
    assert "flat-loss" not in loaded
    assert len(loaded) == 4
    assert loaded.bad[0].path.endswith("flat-loss.md")


def test_clashing_ids_name_both_files(team_kb):
    with pytest.raises(ClashingEntries) as caught:
        knowledge.load([SMALL_KB, team_kb])
    assert str(SMALL_KB / "flat-loss.md") in caught.value.message
    assert str(team_kb / "flat-loss.md") in caught.value.message


def test_the_same_folder_twice_is_no_clash():
    assert len(knowledge.load([SMALL_KB, SMALL_KB])) == 5


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(BadSettings, match="does not exist"):
        knowledge.load([tmp_path / "nowhere"])


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(AdvisorError, match="no readable entry"):
        knowledge.require_some(knowledge.load([tmp_path]))


def test_an_unknown_id_suggests_the_nearest(small_knowledge):
    with pytest.raises(UnknownName) as caught:
        small_knowledge.get("rocket-lost")
    assert "rocket-loss" in caught.value.hint
