"""What `dladvisor site` writes for the browser: exact counts, pinned files, keywords at least."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_KB, WordEncoder

from advisor import browser, index, knowledge
from advisor.browser import vendor
from advisor.browser.keywords import DIGITS, keyword_data
from advisor.browser.tokenizer import tokenizer_spec
from advisor.errors import AdvisorError
from advisor.settings import PACKAGE


@pytest.fixture
def made(small_knowledge):
    return index.build(small_knowledge, WordEncoder())


def columns(data: dict) -> dict[str, list[tuple[int, int]]]:
    """Word -> documents and counts, read as engine.js reads them."""
    text, at = data["postings"], 0

    def following() -> int:
        nonlocal at
        value, unit = 0, 1
        while True:
            digit = DIGITS.index(text[at])
            at += 1
            value += digit % 32 * unit
            unit *= 32
            if digit < 32:
                return value

    found = {}
    for word in data["vocabulary"].split():
        found[word], document = [], -1
        for _ in range(following()):
            code = following()
            document += 1 + code // 2
            found[word].append((document, following() if code % 2 else 1))
    assert at == len(text)
    return found


def test_counts_survive_the_packing(made, small_knowledge):
    data = keyword_data(made, None, small_knowledge)
    for part, scored in ((data["spoken"], made.spoken), (data["written"], made.written)):
        found = columns(part)
        assert list(found) == list(scored.vocabulary)
        documents = [number for column in found.values() for number, _ in column]
        np.testing.assert_array_equal(documents, scored.documents)
        lengths = [0] * scored.size
        for column in found.values():
            for number, count in column:
                lengths[number] += count
        assert lengths == part["lengths"]


def test_an_index_of_other_entries_is_refused(made, small_knowledge):
    entry = small_knowledge.get("rocket-loss")
    changed = dataclasses.replace(entry, wordings=("something else entirely",))
    other = dataclasses.replace(
        small_knowledge, entries={**small_knowledge.entries, entry.id: changed}
    )
    with pytest.raises(AdvisorError, match="keyword scores"):
        keyword_data(made, None, other)


def test_wordings_are_not_sent(made, small_knowledge):
    text = json.dumps(keyword_data(made, None, small_knowledge))
    wordings = [w for entry in small_knowledge for w in entry.wordings]
    shown = " ".join(s for entry in small_knowledge for s in entry.symptoms)
    assert wordings
    assert not [w for w in wordings if w in text and w not in shown]


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    spec = json.loads((PACKAGE / "model" / "tokenizer.json").read_text())
    spec["normalizer"]["lowercase"] = False
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(AdvisorError, match="tokenizer"):
        tokenizer_spec(tmp_path)


def packed(content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        item = tarfile.TarInfo("package/a.js")
        item.size = len(content)
        tar.addfile(item, io.BytesIO(content))
    return archive.getvalue()


def package_of(archive: bytes) -> vendor.Package:
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return vendor.Package("@some/thing", "1.2.3", f"sha512-{digest}")


def test_a_kept_package_needs_no_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    archive = packed(b"let a")
    package = package_of(archive)
    (tmp_path / "npm").mkdir()
    (tmp_path / "npm" / "some-thing-1.2.3.tgz").write_bytes(archive)
    assert vendor.read_files(package, ("a.js",), tmp_path) == [b"let a"]


def test_a_damaged_package_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    package = package_of(packed(b"let a"))
    (tmp_path / "npm").mkdir()
    (tmp_path / "npm" / package.file_name).write_bytes(b"something else")
    with pytest.raises(vendor.NotFetched, match="npm") as caught:
        vendor.read_files(package, ("a.js",), tmp_path)
    assert "npm pack @some/thing@1.2.3" in caught.value.hint


def fake_npm(folder, script: str, monkeypatch) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_what_npm_brings_must_have_the_pinned_hash(tmp_path, monkeypatch):
    fake_npm(tmp_path / "bin", "echo evil > some-thing-1.2.3.tgz", monkeypatch)
    with pytest.raises(AdvisorError, match="pinned") as caught:
        vendor.read_files(package_of(packed(b"let a")), ("a.js",), tmp_path)
    assert not isinstance(caught.value, vendor.NotFetched)
    assert not list(tmp_path.glob("npm/*"))


def test_a_registry_out_of_reach_is_told(tmp_path, monkeypatch):
    fake_npm(tmp_path / "bin", "echo 'no route to host' >&2; exit 1", monkeypatch)
    with pytest.raises(vendor.NotFetched, match="no route to host"):
        vendor.read_files(package_of(packed(b"let a")), ("a.js",), tmp_path)


def test_the_command_writes_a_site_of_keywords_without_npm(run_cli, tmp_path):
    cache = tmp_path / "cache"
    done = run_cli("site", "--out", str(tmp_path / "docs"), PATH="", DLADVISOR_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert "answer from keywords alone" in done.stderr
    folder = tmp_path / "docs" / "kb" / "ask"
    assert {path.name for path in folder.iterdir()} == {"answers.js", "ask.js", "ask.css"}
    text = (folder / "answers.js").read_text()
    data = json.loads(re.search(r"^dladvisor\.data=(.*);$", text, re.MULTILINE).group(1))
    assert data["meaning"] is None
    assert [item["id"] for item in data["entries"]] == sorted(knowledge.load([SMALL_KB]).entries)
    assert set(data["rankers"]) == {"meaning", "keywords"}


def test_pages_only_writes_no_data(run_cli, tmp_path):
    run_cli("site", "--pages-only", "--out", str(tmp_path / "docs"))
    assert (tmp_path / "docs" / "kb" / "rocket-loss.md").is_file()
    assert not (tmp_path / "docs" / "kb" / "ask").exists()


def test_what_every_page_loads_is_made_small_and_says_the_same(run_cli, tmp_path):
    cache = str(tmp_path / "cache")
    run_cli("site", "--out", str(tmp_path / "docs"), PATH="", DLADVISOR_CACHE=cache)
    source = Path(browser.__file__).with_name("static")
    for name, most in (("ask.js", 20_000), ("ask.css", 6_000)):
        written = (tmp_path / "docs" / "kb" / "ask" / name).read_text()
        assert len(written) <= most
        assert not re.search(r"^\s|^//|/\*", written, re.MULTILINE)
        whole = re.sub(r"/\*.*?\*/", "", (source / name).read_text(), flags=re.DOTALL)
        for text in re.findall(r'"[^"\n]*"', whole):
            assert text in written
