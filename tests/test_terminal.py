"""Text for the terminal: wrapped, safe, and complete in plain form."""

from __future__ import annotations

import re

import pytest
from conftest import SMALL_KB

from advisor import entry_format
from advisor.terminal import Paper, answer_text, entry_text


@pytest.mark.parametrize("width", [32, 40, 80, 96])
def test_no_line_is_wider_than_the_terminal(word_advisor, width):
    text = answer_text(word_advisor.ask("loss climbs like a rocket"), Paper(width))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    free = [line for line in plain.split("\n") if "dladvisor show" not in line]
    assert max(map(len, free)) <= width


def test_a_match_has_what_one_needs_to_act(word_advisor):
    text = answer_text(word_advisor.ask("loss climbs like a rocket"), Paper(80, plain=True))
    first = text.split("\n\n")[1]
    assert "1. Step size above the limit (" in first
    for label in ("Why: ", "Cause: Each", "Check: Divide", "Expect: The loss", "Fix: Use"):
        assert label in first
    assert "More: dladvisor show rocket-loss" in first


def test_plain_has_no_escapes(word_advisor):
    answer = word_advisor.ask("loss climbs like a rocket")
    assert "\x1b" not in answer_text(answer, Paper(80, plain=True))
    assert "\x1b" not in entry_text(answer.matches[0].entry, Paper(80, plain=True))


def test_hostile_entry_text_reaches_no_terminal():
    text = (SMALL_KB / "rocket-loss.md").read_text()
    text = text.replace("title: Step size", r'title: "\e]0;owned\aStep \e[31msize', 1)
    text = text.replace("above the limit\n", 'above the limit"\n', 1)
    text = text.replace("rate = 0.1", "print('\x1b[2J\u202e\x9b31m')")
    entry = entry_format.parse(text, "rocket-loss.md")
    assert entry.title == "Step size above the limit"
    shown = entry_text(entry, Paper(80, plain=True))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_none_says_so_and_what_to_do(word_advisor):
    text = answer_text(word_advisor.ask("xylophone zeppelin"), Paper(80))
    assert "Nothing here fits that" in text
    assert "dladvisor list" in text
    assert "Cause" not in text


def test_an_entry_shows_every_part(small_knowledge):
    entry = small_knowledge.get("rocket-loss")
    text = entry_text(entry, Paper(80, plain=True))
    for part in (*entry.symptoms, *entry.messages, entry.sources[0].url, "rate = 0.1"):
        assert part in text
    assert "```" not in text
    assert "Contradicts: flat-loss" in text
