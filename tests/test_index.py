"""The index: exact search, nothing encoded twice, and no state in which it is unusable."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, SMALL_KB, WordEncoder

from advisor import index, knowledge, places, store
from advisor.errors import NoIndex
from advisor.passages import split
from advisor.settings import Settings


def test_cosines_are_exact_within_the_quantiser(small_knowledge):
    encoder = WordEncoder()
    made = index.build(small_knowledge, encoder)
    texts = [passage.text for entry in small_knowledge for passage in split(entry)]
    (asked,) = encoder.encode(["loss becomes nan"])
    exact = encoder.encode(texts) @ asked
    np.testing.assert_allclose(made.similarities(asked, len(texts)), exact, atol=0.01)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="asks Linux what is mapped")
def test_processes_that_share_a_folder_map_the_vectors(small_knowledge, tmp_path):
    encoder = WordEncoder()
    folders = [tmp_path / name for name in ("v-old", "v-new", "shared")]
    for folder in folders:
        folder.mkdir()
    old, new, shared = folders
    for folder in (old, new):
        index.write(index.build(small_knowledge, encoder), folder, {})
    made = index.read(old, shared=shared)
    file = shared / "v-old.faiss"
    with open("/proc/self/maps") as maps:
        assert any(line.rstrip().endswith(str(file)) for line in maps)
    written = file.stat()
    index.read(old, shared=shared)
    assert file.stat() == written
    # A newer index takes the place of the file while this one still answers.
    index.read(new, shared=shared)
    assert [path.name for path in shared.iterdir()] == ["v-new.faiss"]
    (asked,) = encoder.encode(["loss becomes nan"])
    np.testing.assert_array_equal(
        made.similarities(asked, 20), index.read(old).similarities(asked, 20)
    )


def test_far_passages_get_the_lowest_of_the_near(small_knowledge):
    encoder = WordEncoder()
    made = index.build(small_knowledge, encoder)
    (asked,) = encoder.encode(["loss becomes nan"])
    every = made.similarities(asked, made.vectors.ntotal)
    near = made.similarities(asked, 10)
    assert (near >= every - 1e-6).all()
    assert near.min() == np.sort(every)[-10]


def test_what_is_known_is_not_encoded_again(small_knowledge):
    encoder = WordEncoder()
    first = index.build(small_knowledge, encoder)
    encoder.encoded.clear()
    second = index.build(small_knowledge, encoder, index.stored_vectors(first))
    assert encoder.encoded == []
    size = first.vectors.ntotal
    np.testing.assert_array_equal(
        first.vectors.reconstruct_n(0, size), second.vectors.reconstruct_n(0, size)
    )


def test_an_index_survives_the_disk(small_knowledge, tmp_path):
    made = index.build(small_knowledge, WordEncoder())
    index.write(made, tmp_path, {"files": {}})
    again = index.read(tmp_path)
    assert again.ids == made.ids
    assert [e.id for e in again.knowledge] == [e.id for e in made.knowledge]
    assert again.knowledge.get("rocket-loss").symptoms == made.knowledge.get("rocket-loss").symptoms
    asked = np.eye(1, 512, dtype=np.float32)[0]
    np.testing.assert_array_equal(again.similarities(asked, 50), made.similarities(asked, 50))
    assert again.messages == made.messages


@pytest.mark.parametrize(
    "name", ["vectors.npy", "starts.npy", "entries.json.gz", "hashes.bin", "rows.npy"]
)
@pytest.mark.parametrize("damage", ["cut", "gone", "junk"])
def test_a_damaged_index_is_refused(small_knowledge, tmp_path, name, damage):
    index.write(index.build(small_knowledge, WordEncoder()), tmp_path, {})
    path = tmp_path / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "junk":
        path.write_bytes(b"\x00junk" * 50)
    else:
        path.unlink()
    with pytest.raises(NoIndex):
        index.read(tmp_path)


def test_an_index_of_another_format_is_refused(small_knowledge, tmp_path):
    index.write(index.build(small_knowledge, WordEncoder()), tmp_path, {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(NoIndex, match="format 99"):
        index.read(tmp_path)


@pytest.fixture
def kb(tmp_path):
    folder = tmp_path / "kb"
    shutil.copytree(SMALL_KB, folder)
    return folder


@pytest.fixture
def settings(kb, tmp_path):
    return Settings(kb=(kb,), cache=tmp_path / "cache")


def test_a_first_folder_of_ones_own_does_not_encode_the_built_in_entries_again(
    settings, kb, tmp_path, monkeypatch
):
    monkeypatch.setattr(store, "built_in_kb", lambda: kb)
    store.update(settings)
    own = tmp_path / "own"
    own.mkdir()
    text = (kb / "same-face.md").read_text()
    (own / "ours.md").write_text(text.replace("title: Generator", "title: Our generator"))
    both = replace(settings, kb=(kb, own))
    assert 1 <= store.update(both).encoded <= 2


def test_only_changed_passages_are_encoded(settings, kb):
    first = store.update(settings)
    assert first.encoded == len(set(first.index.hashes))
    path = kb / "flat-loss.md"
    path.write_text(path.read_text().replace("nothing is learned at all", "it learns nothing"))
    assert places.ready_folder(settings) is None
    second = store.update(settings)
    assert second.encoded == 1
    assert places.ready_folder(settings) == second.folder
    assert store.update(settings).encoded == 0


def test_opening_builds_once_and_then_reads(settings):
    assert places.ready_folder(settings) is None
    store.open_index(settings)
    folder = places.ready_folder(settings)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    store.open_index(settings)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_deleted_entry_leaves_the_index(settings, kb):
    store.open_index(settings)
    (kb / "same-face.md").unlink()
    (kb / "wordings" / "same-face.txt").unlink()
    assert "same-face" not in store.open_index(settings).knowledge


def test_a_damaged_index_is_built_again_and_said(settings):
    store.open_index(settings)
    (places.ready_folder(settings) / "vectors.npy").write_bytes(b"junk")
    said = []
    assert len(store.open_index(settings, said.append).knowledge) == 5
    assert "damaged" in said[0]
    said.clear()
    store.open_index(settings, said.append)
    assert said == []


def test_a_bad_entry_is_reported_and_the_others_answer(settings, kb):
    (kb / "flat-loss.md").write_text("nothing")
    said = []
    opened = store.open_index(settings, said.append)
    assert len(opened.knowledge) == 4
    assert "flat-loss.md:1: KB001" in said[0]
    assert store.open_index(settings).knowledge.bad[0].path.endswith("flat-loss.md")


def test_a_cache_that_cannot_be_written_is_said_and_answers_come(kb, tmp_path):
    (tmp_path / "file").write_text("")
    settings = Settings(kb=(kb,), cache=tmp_path / "file" / "cache")
    said = []
    assert len(store.open_index(settings, said.append).knowledge) == 5
    assert any("DLADVISOR_CACHE" in sentence for sentence in said)


def test_a_crash_while_writing_leaves_the_old_index(settings, kb, monkeypatch):
    store.open_index(settings)
    old = places.ready_folder(settings)
    (kb / "same-face.md").unlink()
    (kb / "wordings" / "same-face.txt").unlink()

    def crash(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(index.np, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        store.update(settings)
    monkeypatch.undo()
    place = places.place_of(settings)
    assert places.current_folder(place) == old
    assert len(index.read(old).knowledge) == 5
    assert list(place.glob("new-*")) == []


def test_ctrl_c_in_the_middle_of_indexing_leaves_the_old_index(settings, kb):
    store.open_index(settings)
    old = places.current_folder(places.place_of(settings))
    more = "\n".join(f"my run number {n} is strange in its own way" for n in range(20_000))
    (kb / "wordings" / "same-face.txt").write_text(more)
    environment = {
        **os.environ,
        "DLADVISOR_KB": str(kb),
        "DLADVISOR_NO_BUILTIN": "1",
        "DLADVISOR_CACHE": str(settings.cache),
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "advisor", "index"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"stopped" in stderr
    assert b"Traceback" not in stderr
    assert places.current_folder(places.place_of(settings)) == old
    assert len(index.read(old).knowledge) == 5


def test_old_versions_are_swept_but_the_one_before_stays(settings, kb):
    for number in range(4):
        (kb / "wordings" / "same-face.txt").write_text(f"wording number {number} of this entry\n")
        store.update(settings)
    assert len(list(places.place_of(settings).glob("v-*"))) == 2


def test_entries_of_two_folders_share_an_index(settings, kb, tmp_path):
    team = tmp_path / "team"
    team.mkdir()
    text = (kb / "flat-loss.md").read_text().replace("contradicts: [rocket-loss]\n", "")
    (team / "ours.md").write_text(text)
    both = Settings(kb=(kb, team), cache=settings.cache)
    assert "ours" in store.open_index(both).knowledge
    assert len(knowledge.load(both.kb)) == 6
