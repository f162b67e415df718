"""Metrics: exact on rankings whose scores are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from advisor import evaluation
from advisor.errors import BadSettings
from advisor.judged import Judged, read_judged


def test_scores_of_a_ranking():
    ranked = ["a", "b", "c", "d", "e", "f"]
    assert evaluation.score(ranked, {"a": 2}) == [1, 1, 1, 1]
    hit1, hit3, mrr, ndcg = evaluation.score(ranked, {"c": 2, "a": 1})
    ideal = 3 + 1 / np.log2(3)
    assert (hit1, hit3, mrr) == (1, 1, 1)
    assert ndcg == pytest.approx((1 + 3 / np.log2(4)) / ideal)
    assert evaluation.score(ranked, {"f": 1}) == [0, 0, 1 / 6, 0]
    assert evaluation.score(ranked, {"absent": 2}) == [0, 0, 0, 0]


def test_an_interval_holds_the_mean_and_narrows():
    values = np.array([0.0, 1.0] * 50)
    mean, low, high = evaluation.interval(values)
    assert mean == 0.5
    assert 0.39 < low < 0.42
    assert 0.58 < high < 0.61


def test_a_report_counts_verdicts_and_baselines(word_advisor):
    report = evaluation.evaluate(
        word_advisor,
        [
            Judged("1", "loss climbs like a rocket", {"rocket-loss": 2}),
            Judged("2", "my gan paints one face", {"same-face": 2, "rocket-loss": 1}),
            Judged("3", "xylophone zeppelin", {"flat-loss": 2}),
            Judged("4", "quux frobnicate", {}, "unrelated"),
            Judged("5", "nobody wrote this entry", {}),
        ],
    )
    ours = report.scores["dladvisor"]
    assert ours.shape == (3, 4)
    assert ours[:2, 0].tolist() == [1, 1]
    assert report.declined == pytest.approx(1 / 3)
    assert report.out_of_scope == 1
    assert report.answered == 0
    assert report.ungraded == 1
    assert set(report.scores) == {"dladvisor", "BM25 alone", "untuned, one vector an entry"}
    assert report.scores["BM25 alone"][0, 0] == 1
    assert "| dladvisor |" in report.table()
    assert "gain over BM25 alone" in report.table()
    json.dumps(report.to_json())


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"id": 1}',
        '{"id": "1", "question": "x", "grades": {"a": 3}}',
        '{"id": "1", "question": "x", "grades": []}',
    ],
)
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": "0", "question": "x", "grades": {}}\n' + line + "\n")
    with pytest.raises(BadSettings, match=r"q\.jsonl:2"):
        read_judged(path)


def test_a_missing_or_empty_file_is_told(tmp_path):
    with pytest.raises(BadSettings, match="cannot be read"):
        read_judged(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadSettings, match="no questions"):
        read_judged(tmp_path / "empty")
