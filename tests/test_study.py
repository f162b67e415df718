"""Perturbations, calibration and the report's page, on cases that one can compute by hand."""

from __future__ import annotations

import json

import pytest

from advisor.errors import BadSettings
from advisor.judged import Judged
from advisor.study import report
from advisor.study.calibration import Said
from advisor.study.perturbed import PERTURBATIONS, perturb

TEXT = "training loss becomes negative after changing the optimizer, nothing else was touched"


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_changes_the_text_the_same_way_each_time(name):
    assert perturb(name, TEXT) == perturb(name, TEXT)
    assert any(perturb(name, TEXT, seed) != TEXT for seed in range(5))


def test_perturbations_are_what_they_say():
    assert perturb("capitals", TEXT) == TEXT.upper()
    assert perturb("traceback of 200 lines", TEXT).count("\n") >= 200
    assert perturb("traceback of 200 lines", TEXT).endswith(TEXT)
    assert perturb("training log", TEXT).startswith(TEXT)
    joined = [perturb("missing spaces", TEXT, seed) for seed in range(9)]
    assert {text.replace(" ", "") for text in joined} == {TEXT.replace(" ", "")}
    assert min(text.count(" ") for text in joined) < TEXT.count(" ")
    assert "```" in perturb("issue template", TEXT)
    assert TEXT in perturb("other languages around", TEXT)


def test_calibration_bins_and_error():
    honest = Said.of(
        [(0.2, n % 5 == 0) for n in range(100)] + [(0.8, n % 5 > 0) for n in range(100)]
    )
    assert sum(count for _, _, count in honest.bins()) == 200
    assert honest.error() == pytest.approx(0, abs=1e-9)
    boastful = Said.of([(0.9, False)] * 30)
    assert boastful.error() == pytest.approx(0.9)


def test_risk_falls_when_only_the_surest_answers_are_given():
    said = Said.of([(n / 100, n >= 50) for n in range(100)])
    rows = said.risks()
    assert rows[0] == (1.0, 0.0, pytest.approx(0.5))
    assert rows[-1][2] == 0
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)


def test_a_page_keeps_its_prose_and_gets_new_numbers():
    page = "Words.\n<!-- own -->\nold\n<!-- end -->\nMore \\1 words.\n"
    made = report.refresh(page, {"own": "| new | \\g<0> |"})
    assert made == "Words.\n<!-- own -->\n| new | \\g<0> |\n<!-- end -->\nMore \\1 words.\n"
    assert report.refresh(made, {"own": "| new | \\g<0> |"}) == made
    with pytest.raises(BadSettings, match="no part 'speed'"):
        report.refresh(page, {"speed": "x"})


def test_every_section_is_made_and_stands_in_the_docs(word_advisor, monkeypatch, tmp_path):
    from conftest import ROOT

    ranker = tmp_path / "ranker.json"
    ranker.write_text(json.dumps({"ablation": {"everything": {"hit@1": 0.5, "hit@3": 0.75}}}))
    monkeypatch.setattr(report.ranking, "RANKER", ranker)
    questions = [
        Judged("a", "my gan paints one face", {"same-face": 2}),
        Judged("b", "loss climbs like a rocket", {"rocket-loss": 2}),
        Judged("c", "which soup is best", {}, "other-field"),
    ]
    made = report.sections(word_advisor, questions, questions[:2], questions)
    assert "| everything | 0.500 | 0.750 |" in made["ablation"]
    assert "| as written | 1.000 |" in made["robustness"]
    assert "The others: " in made["findability"]
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    fresh = report.refresh(page, made)
    assert all(text in fresh for text in made.values())
    cells = [line.strip("| ").split(" | ") for line in made["warm"].splitlines()[2:3]]
    assert [row[:2] for row in cells] == [["up to 20", "1"]]
    assert 0 < float(cells[0][2]) == float(cells[0][3])


def test_the_table_of_speed_has_a_row_a_length(word_advisor):
    asked = ["loss is nan " * times for times in (1, 1, 7, 30)]
    rows = [line.split(" | ")[:2] for line in report.warm(word_advisor, asked).splitlines()[2:5]]
    assert rows == [["| up to 20", "2"], ["| 21 to 60", "1"], ["| more", "1"]]
