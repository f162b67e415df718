"""Entries: parsed exactly, refused with file, line, code and a sample."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from conftest import KB, ROOT, SMALL_KB

from advisor import entry_format
from advisor.entry import Entry
from advisor.errors import BadEntry

GOOD = (SMALL_KB / "rocket-loss.md").read_text()


def parse(text: str, name: str = "rocket-loss.md") -> Entry:
    return entry_format.parse(text, name)


def refused(text: str, name: str = "rocket-loss.md") -> BadEntry:
    with pytest.raises(BadEntry) as caught:
        parse(text, name)
    return caught.value


def test_an_entry_has_the_values_of_its_file():
    entry = entry_format.read(SMALL_KB / "rocket-loss.md")
    assert entry.id == "rocket-loss"
    assert entry.title == "Step size above the limit"
    assert entry.symptoms[0] == "loss climbs like a rocket"
    assert len(entry.symptoms) == 8
    assert len(entry.wordings) == 30
    assert entry.observables == {"train_loss": ("rising",)}
    assert entry.checks[0].expect == "The loss falls if the rate was the cause."
    assert entry.sources[0].seen == datetime.date(2026, 11, 1)
    assert entry.contradicts == ("flat-loss",)
    assert entry.why.startswith("Step size above the limit comes about")
    assert entry.example.startswith("```python")
    assert entry.otherwise.startswith("- The loss is fine")


def test_an_entry_survives_json():
    entry = entry_format.read(SMALL_KB / "rocket-loss.md")
    assert Entry.from_dict(json.loads(json.dumps(entry.to_dict()))) == entry


@pytest.mark.parametrize(
    ("change", "code", "line", "words"),
    [
        (lambda t: t.replace("---\n", "", 1), "KB001", 1, "front matter"),
        (lambda t: t.replace("title: Step", "title: [Step"), "KB001", None, "YAML"),
        (lambda t: t.replace("title: Step size above the limit\n", ""), "KB002", 2, "missing"),
        (lambda t: t.replace("title:", "titel:"), "KB002", 2, "'titel' is not a field"),
        (lambda t: t.replace("category: optimization", "category: magic"), "KB002", 3, "magic"),
        (lambda t: t.replace('  - "weights overflow"\n', ""), "KB002", 7, "at least 8"),
        (lambda t: t.replace("train_loss:", "train_los:"), "KB012", 19, "train_los"),
        (lambda t: t.replace("[rising]", "[exploding]"), "KB012", 19, "exploding"),
        (lambda t: t.replace("## Why", "## Reasons"), "KB006", None, "Reasons"),
        (lambda t: t.replace("## Why", "Stray text.\n\n## Why"), "KB006", None, "before"),
        (lambda t: t.replace("seed: training", "seed: no such"), "KB017", None, "no such"),
        (lambda t: t.replace("expect: The", "wait: The"), "KB002", None, "checks.0"),
    ],
)
def test_a_bad_entry_names_line_code_and_sample(change, code, line, words):
    error = refused(change(GOOD))
    assert error.code == code
    assert words in error.message
    assert error.hint
    if line is not None:
        assert error.line == line
        assert f"rocket-loss.md:{line}: {code}" in error.message


def test_headings_must_keep_their_order():
    why = GOOD.index("## Why")
    other = GOOD.index("## When it is")
    swapped = GOOD[:why] + GOOD[other:].rstrip() + "\n\n" + GOOD[why:other]
    assert refused(swapped).code == "KB006"


def test_a_heading_inside_a_code_fence_is_code():
    text = GOOD.replace("rate = 0.1", "# not a heading\nrate = 0.1")
    assert "# not a heading" in parse(text).example


def test_the_file_name_must_be_kebab_case():
    assert refused(GOOD, "Rocket Loss.md").code == "KB003"


@pytest.mark.parametrize("name", ["index", "messages", "origins"])
def test_names_of_generated_pages_are_taken(name):
    assert refused(GOOD, f"{name}.md").code == "KB003"


def test_invalid_utf8_names_the_line(tmp_path: Path):
    path = tmp_path / "rocket-loss.md"
    path.write_bytes(GOOD.encode().replace(b"loss climbs", b"loss \xff climbs"))
    with pytest.raises(BadEntry) as caught:
        entry_format.read(path)
    assert (caught.value.code, caught.value.line) == ("KB001", 8)


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path):
    path = tmp_path / "rocket-loss.md"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert entry_format.read(path).title == "Step size above the limit"


def test_a_yaml_bomb_is_refused_by_size(tmp_path: Path):
    path = tmp_path / "rocket-loss.md"
    path.write_text("---\n" + "a" * 1_000_001)
    with pytest.raises(BadEntry, match="1 MB"):
        entry_format.read(path)


def test_yaml_cannot_make_objects():
    error = refused(GOOD.replace("title: Step size above the limit", "title: !!python/object:os.x"))
    assert error.code == "KB001"


def test_the_schema_file_is_current():
    written = json.loads((KB / "schema.json").read_text())
    assert written == entry_format.schema(), "run: dladvisor schema > kb/schema.json"


def test_the_schema_describes_every_field():
    properties = entry_format.schema()["properties"]
    assert set(properties) == set(entry_format.FRONT_MATTER_FIELDS)
    assert "exploding" in properties["observables"]["properties"]["gradients"]["items"]["enum"]


def test_the_template_has_every_field_once():
    text = (ROOT / "docs" / "entry-template.md").read_text()
    optional = {"contradicts", "seed"}
    for name in set(entry_format.FRONT_MATTER_FIELDS) - optional:
        assert text.count(f"\n{name}:") == 1, name
