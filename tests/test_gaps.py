"""Clusters of questions that got no help, and how they are shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import WordEncoder

from advisor import gap_report, gaps
from advisor.feedback import Asked, Feedback
from advisor.results import Answer
from advisor.terminal import Paper


def asked(question, verdict="none", shown=("x",), helpful=None, not_helpful=None, at=0.0):
    return Asked(question, at, "cli", question, verdict, shown, helpful or {}, not_helpful or {})


AUDIO = [
    asked("audio crackles after resampling", at=5.0),
    asked("crackles in audio after resampling", shown=("y",), at=86_400.0),
    asked("audio resampling crackles"),
]
OTHER = asked("tokenizer splits emoji", "match", ("z",), not_helpful={"z": 2}, helpful={"z": 1})
FINE = [
    asked("loss is nan", "match"),
    asked("audio crackles after resampling helped", "none", helpful={"x": 1}),
    asked("undecided", "unsure", helpful={"x": 1}, not_helpful={"y": 1}),
]


def test_only_what_found_nothing_or_did_not_help_is_a_gap():
    assert all(gaps.is_gap(item) for item in [*AUDIO, OTHER])
    assert not any(gaps.is_gap(item) for item in FINE)


def test_alike_questions_are_one_cluster_the_most_asked_first():
    found = gaps.find([OTHER, *AUDIO, *FINE], WordEncoder())
    assert found.questions == 7
    first, second = found.clusters
    assert (first.asked, first.nothing_found, first.not_helpful) == (3, 3, 0)
    assert set(first.examples) == {item.question for item in AUDIO}
    assert set(first.words) == {"audio", "crackles", "resampling", "after"}
    assert first.nearest == (("x", 2), ("y", 1))
    assert first.last == 86_400.0
    assert (second.asked, second.nothing_found, second.not_helpful) == (1, 0, 1)


def test_likeness_mixes_meaning_with_the_entries_shown():
    meanings = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
    shown = [("x", "y"), ("x", "y"), ("x", "y"), ("z",)]
    made = gaps.likeness(meanings, [asked("q", shown=ids) for ids in shown])
    share = gaps.SHOWN_SHARE
    expected = [[1, 1, share, 0], [1, 1, share, 0], [share, share, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(made @ made.T, expected, atol=1e-6)
    # (1, 1/2) and (1/2, 1) at ranks one and two: 4/5 alike.
    turned = [asked("q", shown=("x", "y")), asked("q", shown=("y", "x"))]
    made = gaps.likeness(meanings[[0, 2]], turned)
    assert made[0] @ made[1] == pytest.approx(share * 0.8)
    # Nothing shown: the meaning alone, and still a unit vector.
    made = gaps.likeness(meanings[:2], [asked("q", shown=()), asked("q", shown=())])
    assert made[0] @ made[1] == pytest.approx(1)


def test_the_same_entries_shown_bring_questions_together():
    first = asked("audio crackles after resampling", shown=("x", "y", "z"))
    same = asked("audio crackling noises heard", shown=("x", "y", "z"))
    other = asked("audio hissing sounds heard", shown=("p", "q", "r"))
    rows = gaps.likeness(
        WordEncoder().encode([q.question for q in (first, same, other)]), [first, same, other]
    )
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_merging_equals_average_linkage_by_hand():
    angles = np.radians([0, 10, 40, 90, 95, 180])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    # 0 and 10 merge (0.98), 90 and 95 (0.996); 40 to {0, 10} has mean (0.766 + 0.866) / 2 = 0.816.
    assert gaps.grouped(vectors, 0.82) == [[0, 1], [2], [3, 4], [5]]
    assert gaps.grouped(vectors, 0.81) == [[0, 1, 2], [3, 4], [5]]
    assert gaps.grouped(vectors, -1.1) == [[0, 1, 2, 3, 4, 5]]


def test_merging_equals_a_slow_average_linkage():
    random = np.random.default_rng(3)
    vectors = random.normal(size=(40, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clusters = [[row] for row in range(40)]
    while True:
        pairs = [
            (float(np.mean(vectors[a] @ vectors[b].T)), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters)
            if i < j
        ]
        mean, i, j = max(pairs)
        if mean < 0.5:
            break
        clusters[i] = sorted(clusters[i] + clusters.pop(j))
    assert sorted(gaps.grouped(vectors, 0.5)) == sorted(clusters)


def test_marks_of_what_was_redacted_are_no_words():
    (cluster,) = gaps.find([asked("[e-mail] says [secret] at [name]")], WordEncoder()).clusters
    assert not {"e", "mail", "secret", "name"} & set(cluster.words)
    assert "says" in cluster.words


def test_crumbs_and_numbers_are_no_words():
    (cluster,) = gaps.find([asked("k8s pod evicted, exit code 137, lr 3")], WordEncoder()).clusters
    assert {"pod", "evicted", "lr"} <= set(cluster.words)
    assert not {"k", "8", "s", "137", "3"} & set(cluster.words)


def test_no_gaps_is_said():
    found = gaps.find(FINE, WordEncoder())
    assert found.clusters == ()
    assert "Nothing to write" in gap_report.text(found, 20, Paper(80))
    assert "Nothing to write" in gap_report.markdown(found, 20)


def test_the_reports_tell_counts_examples_and_what_was_shown():
    found = gaps.find([OTHER, *AUDIO], WordEncoder())
    shown = gap_report.text(found, 1, Paper(80, plain=True))
    assert "asked 3 times: 3 found nothing, 0 voted not helpful; last on 1970-01-02" in shown
    assert "audio crackles after resampling" in shown
    assert "x (2), y (1)" in shown
    assert "1 more: dladvisor gaps --top 2" in shown
    assert "emoji" not in shown
    assert "## 2. " in gap_report.markdown(found, 20)


def test_a_question_never_becomes_markup():
    hostile = asked("<script>alert(1)</script> [bold] # nan **x** \x1b[31m")
    found = gaps.find([hostile], WordEncoder())
    shown = gap_report.markdown(found, 20)
    assert "<script>" not in shown
    assert "**x**" not in shown
    assert "\x1b" not in gap_report.text(found, 20, Paper(80, plain=True))


@pytest.mark.parametrize("flags", [(), ("--json",), ("--markdown",), ("--plain",)])
def test_the_command_reads_the_file(run_cli, tmp_path, flags):
    kept = tmp_path / "f.sqlite"
    store = Feedback(kept, 30)
    for question in ("audio crackles after resampling", "crackling audio when I resample it"):
        store.record("slack", Answer(question, "none", ()))
    store.record("slack", Answer("loss is nan", "match", ()))
    done = run_cli("gaps", *flags, DLADVISOR_FEEDBACK=str(kept))
    assert done.returncode == 0
    assert "audio crackles after resampling" in done.stdout
    assert "loss is nan" not in done.stdout
    if flags == ("--json",):
        report = json.loads(done.stdout)
        assert (report["schema"], report["questions"], report["gaps"]) == (1, 3, 2)
        assert report["clusters"][0]["asked"] == 2
