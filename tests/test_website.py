"""The generated pages: everything is there, nothing hostile becomes markup, little is rewritten."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

import markdown
import pytest
from conftest import SMALL_KB

from advisor import entry_format, vocabulary, website
from advisor.knowledge import Knowledge
from advisor.render import answer_markdown, entry_markdown, escaped, safe_body
from advisor.website import contested, lists, origins, pages, symptoms

EXTENSIONS = ["admonition", "attr_list", "md_in_html", "tables", "fenced_code"]
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](javascript:alert(1))",
    "**bold** _it_ `code` # head {: onclick=x }",
    "a | b ~~c~~ $d$ <!-- e -->",
    "1. not a list",
    "- not a list",
    "&lt;script&gt;",
]


def rendered(text: str) -> str:
    return markdown.markdown(text, extensions=EXTENSIONS)


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_shown_as_it_is(text):
    shown = rendered(f"- {escaped(text)}")
    plain = html.unescape(re.sub(r"</?(ul|li|p|code)>", "", shown)).strip()
    assert plain == text.replace("`", "")
    assert not re.search(r"<(img|script|a|strong|em|h1|ol)\b", shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_body_keeps_markdown_but_no_html_and_no_scripts(text):
    shown = rendered(safe_body(f"{text}\n\n```python\nx < 1\n```\n"))
    assert not re.search(r"<(img|script)\b", shown)
    assert "javascript:" not in re.sub(r">[^<]*<", "><", shown)
    assert "x &lt; 1" in shown


def test_a_hostile_entry_makes_a_harmless_page(small_knowledge):
    bad = "<img src=x onerror=alert(1)> [c](javascript:alert(1))"
    entry = dataclasses.replace(
        small_knowledge.get("rocket-loss"),
        title=f"Title {bad}",
        cause=bad,
        symptoms=(bad,) * 8,
        messages=(bad, "a `b` c"),
        why=bad,
        otherwise=f"- {bad}",
        avoid_when=bad,
    )
    knowledge = Knowledge({**small_knowledge.entries, "rocket-loss": entry})
    for text in (pages.entry_page(entry, knowledge), *lists.index_pages(knowledge).values()):
        head, body = text.split("---\n", 2)[1:]
        # The theme writes titles and descriptions into the page as they are.
        assert "<" not in head
        shown = rendered(body)
        assert not re.search(r"<img|<script", shown)
        assert not re.search(r"href=.javascript", shown)


def test_check_and_fix_stand_before_the_explanation(small_knowledge):
    page = pages.entry_page(small_knowledge.get("rocket-loss"), small_knowledge)
    places = [page.index(f"## {name}") for name in ("You see", "Check first", "Fix", "Why")]
    assert places == sorted(places)
    assert "[Step size below what moves](flat-loss.md)" in page
    assert "## Who says otherwise" in page
    assert "dladvisor show rocket-loss" in page


@pytest.mark.parametrize(
    "text", ["to file </torch_", "</s>", "a `b` <c", "<|im_end|>", "_a_ <b> *c*"]
)
def test_code_with_tags_in_it_leaves_the_page_whole(small_knowledge, text):
    entry = dataclasses.replace(
        small_knowledge.get("rocket-loss"),
        messages=(text,),
        symptoms=(f"it prints `{text.replace('`', '')}` and stops",) * 8,
    )
    knowledge = Knowledge({**small_knowledge.entries, "rocket-loss": entry})
    shown = rendered(pages.entry_page(entry, knowledge).split("---\n", 2)[2])
    for tag in ("div", "section", "ul"):
        assert shown.count(f"<{tag}") == shown.count(f"</{tag}>"), tag
    assert text in map(html.unescape, re.findall(r"<li><code>(.*?)</code></li>", shown))
    assert not re.search(r"<(s|torch_|c|b)\b", shown)


def test_stress_and_ids_in_a_sentence_are_set_and_arithmetic_is_not(small_knowledge):
    def shown(text: str) -> str:
        return rendered(pages.prose(text, small_knowledge))

    assert "the same number of <em>steps</em> (<em>not epochs</em>)." in shown(
        "Train for the same number of *steps* (*not epochs*)."
    )
    assert 'as in <a href="flat-loss.md">Step size below what moves</a>' in shown(
        "as in `flat-loss`"
    )
    for plain in ("0.1*loss + 0.2*other", 'message=".*target size.*"', "`*steps*`", "*a <b>*"):
        assert "<em>" not in shown(plain)


def test_long_lists_fold_but_not_for_a_single_line(small_knowledge):
    entry = small_knowledge.get("rocket-loss")
    for count, folds in ((3, 0), (4, 0), (5, 1)):
        many = dataclasses.replace(entry, messages=tuple(f"message {n}" for n in range(count)))
        whole = Knowledge({**small_knowledge.entries, many.id: many})
        page = pages.entry_page(many, whole)
        assert page.count('??? quote "More messages"') == folds
        assert all(f"`message {n}`" in page for n in range(count))


def test_every_entry_stands_in_the_lists(small_knowledge):
    made = lists.index_pages(small_knowledge)
    for entry in small_knowledge:
        assert f"]({entry.id}.md)" in made["index.md"]
        assert f"](../{entry.id}.md)" in made[f"browse/category-{entry.category}.md"]
        assert f"](../{entry.id}.md)" in made[f"browse/evidence-{entry.evidence}.md"]
    assert "](../leaky-split.md)" in made["browse/framework-scikit-learn.md"]
    assert "CUDA out of memory. Tried to allocate" in made["messages.md"]


def test_origins_has_every_heading_with_its_entries(small_knowledge):
    page = origins.origins_page(small_knowledge)
    assert set(origins.NOW_KNOWN) == set(vocabulary.SEED_HEADINGS)
    assert page.count("\n## ") == len(vocabulary.SEED_HEADINGS)
    after = page.split("## training loss explods or diverges")[1].split("\n## ")[0]
    assert "(rocket-loss.md)" in after


def test_writing_again_touches_nothing_and_old_pages_go(small_knowledge, tmp_path):
    count = website.write(small_knowledge, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")}
    assert len(files) == count
    (tmp_path / "kb" / "gone.md").write_text("old")
    website.write(small_knowledge, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.md")} == files


def test_markdown_of_an_entry_and_an_answer(word_advisor):
    text = entry_markdown(entry_format.read(SMALL_KB / "rocket-loss.md"))
    assert text.index("## Check first") < text.index("## Why")
    answer = answer_markdown(word_advisor.ask("loss climbs like a rocket"))
    assert "**What fits best:**" in answer
    assert "1. [Step size above the limit](kb/rocket-loss/)" in answer


def test_the_index_by_symptom_lists_an_entry_under_each_value_it_is_typical_of(small_knowledge):
    made = symptoms.symptom_pages(small_knowledge)
    entry = next(entry for entry in small_knowledge if entry.observables)
    for name, values in entry.observables.items():
        for value in values:
            fitting = [e for e in small_knowledge if value in e.observables.get(name, ())]
            common = len(fitting) > max(1, symptoms.TOO_COMMON * len(small_knowledge))
            page = made.get(f"symptoms/{name}.md", "")
            section = page.partition(f"{{ #{value} }}")[2].partition("\n## ")[0]
            assert (f"](../{entry.id}.md)" in section) is not common
            assert (f"symptoms/{name}.md#{value}" in made["symptoms.md"]) is not common


def test_values_are_spelled_as_people_write_them():
    assert symptoms._words("no-faster-with-more-gpus") == "no faster with more GPUs"
    headings = [symptoms._heading(value) for value in ("nan", "fp16", "falling-slowly")]
    assert headings == ["NaN", "fp16", "Falling slowly"]


def test_contradictions_stand_side_by_side_once_with_their_sources(small_knowledge):
    page = contested.contested_page(small_knowledge)
    pairs = {
        frozenset((entry.id, other))
        for entry in small_knowledge
        for other in entry.contradicts
        if other in small_knowledge
    }
    assert pairs
    assert page.count('<div class="sides" markdown>') == len(pairs)
    for name in set().union(*pairs):
        entry = small_knowledge.get(name)
        assert f"]({name}.md)**" in page
        assert all(source.url in page for source in entry.sources)


def test_every_link_of_the_glossary_leads_to_an_entry():
    text = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(kb/([a-z0-9-]+)\.md\)", text))
    entries = {path.stem for path in (Path(__file__).parents[1] / "kb").glob("*.md")}
    assert len(linked) > 60
    assert not linked - entries
