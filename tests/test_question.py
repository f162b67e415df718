"""What a person typed: safe to print, never a traceback, always a sentence."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import question
from advisor.errors import BadQuestion
from advisor.safe_text import printable


@pytest.mark.parametrize("raw", ["", "   ", "\n\t ", "\x00\x07\x1b[31m", "\u200b\u202e"])
def test_an_empty_question_is_told_how_to_ask(raw):
    with pytest.raises(BadQuestion) as caught:
        question.read(raw)
    assert "empty" in caught.value.message
    assert "nan after 300 steps" in caught.value.hint


@pytest.mark.parametrize("raw", ["12345", "!!! ???", "0.693 0.693"])
def test_a_question_without_words_is_told(raw):
    with pytest.raises(BadQuestion, match="no words"):
        question.read(raw)


def test_terminal_escapes_and_directions_go_and_text_stays():
    raw = "loss \x1b[31mis\x1b[0m nan\x1b]0;owned\x07 \u202eback\u202c\x9b31m"
    assert question.read(raw).text == "loss is nan back31m"


def test_a_megabyte_is_cut_and_said():
    asked = question.read("loss is nan " * 100_000)
    assert len(asked.text) <= question.MAX_CHARACTERS
    assert "20,000" in asked.note


def test_invalid_utf8_from_the_command_line_becomes_a_mark():
    assert question.read("loss \udcff nan").text == "loss ? nan"


@pytest.mark.parametrize(
    "raw", ["训练损失变成了nan", "потери растут до бесконечности", "損失が下がらない"]
)
def test_another_script_is_told_that_english_is_needed(raw):
    assert "English" in question.read(raw).note


@pytest.mark.parametrize("raw", ["loss est nan après 300 étapes", "naïve Bayes loss"])
def test_latin_letters_with_accents_are_no_other_script(raw):
    assert question.read(raw).note == ""


@given(st.text(max_size=400))
def test_printable_never_lets_a_control_character_through(raw):
    text = printable(raw)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in text)
    assert printable(text) == text


def test_the_gist_leaves_stack_frames_and_repeated_log_lines_out():
    text = """my loss explodes
Traceback (most recent call last):
  File "/app/train.py", line 12, in main
    loss = model(x)
           ^^^^^^^^
  File "/app/model.py", line 3, in forward
RuntimeError: shape mismatch

step 1 loss 2.3
step 2 loss 2.2
step 3 loss 9.9
what is it?"""
    assert question.gist(text).split("\n") == [
        "my loss explodes",
        "Traceback (most recent call last):",
        "RuntimeError: shape mismatch",
        "",
        "step 1 loss 2.3",
        "step 2 loss 2.2",
        "what is it?",
    ]
    assert question.gist("plain words\nstay as they are") == "plain words\nstay as they are"
    frames = 'File "a.py", line 1, in f'
    assert question.gist(frames) == frames
