"""The built site in real Chromium: readable at every width, in both schemes, from any sub-path."""

from __future__ import annotations

import pytest
from browsing import page_of
from conftest import KB

pytestmark = pytest.mark.browser
ENTRY = "kb/learning-rate-too-high/"
PAGES = ["", "ask/", "using/", "kb/", ENTRY, "kb/origins/", "kb/messages/"]
PAGES += ["kb/browse/category-rl/", "kb/symptoms/", "kb/contested/", "glossary/"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_a_page_loads_whole_and_fits(browser, address, path, width, scheme):
    with page_of(browser, width, 844, scheme) as page:
        page.goto(address + path)
        assert page.locator("h1").count() == 1
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0
        body = page.evaluate("document.body.dataset.mdColorScheme")
        assert body == ("default" if scheme == "light" else "slate")
        assert [url for url in page.foreign if not url.startswith("data:")] == []
        assert page.wrong == []


# Puts every entry's article into one page in turn: the layout of 360 pages in seconds.
BOTTOMS = """async ids => {
  const article = document.querySelector("article");
  const bottoms = {};
  for (const id of ids) {
    const text = await (await fetch(`../${id}/`)).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    article.innerHTML = page.querySelector("article").innerHTML;
    bottoms[id] = [".check", ".fix"].map((part) =>
      article.querySelector(`${part} ol > li > p`).getBoundingClientRect().bottom);
  }
  return bottoms;
}"""


def test_first_check_and_fix_of_every_entry_are_in_view_on_a_laptop(browser, address):
    ids = [path.stem for path in KB.glob("*.md")]
    with page_of(browser, 1366, 768) as page:
        page.goto(address + ENTRY)
        bottoms = page.evaluate(BOTTOMS, ids)
        assert len(bottoms) == len(ids)
        assert {name: both for name, both in bottoms.items() if max(both) > 768} == {}
        # Most laptops lose some hundred pixels to the browser itself.
        lower = [name for name, both in bottoms.items() if max(both) > 768 - 100]
        assert len(lower) <= len(ids) / 50, lower


def test_contradictions_stand_beside_each_other_and_below_on_a_phone(browser, address):
    for width, columns in ((1366, 2), (390, 1)):
        with page_of(browser, width, 844) as page:
            for path in ("kb/contested/", "kb/loss-up-accuracy-up/"):
                page.goto(address + path)
                sides = page.locator(".sides").first.locator("section")
                lefts = {sides.nth(n).bounding_box()["x"] for n in range(sides.count())}
                assert sides.count() >= 2
                assert len(lefts) == columns


def test_an_entry_leads_to_the_ones_beside_it_in_its_category(browser, address):
    with page_of(browser) as page:
        page.goto(address + "kb/browse/category-rl/")
        listed = page.locator("article li > a").evaluate_all("links => links.map(a => a.href)")
        page.goto(listed[0])
        assert page.locator("a.before").count() == 0
        page.locator("a.after").click()
        assert page.url == listed[1]
        page.locator("a.before").click()
        assert page.url == listed[0]


def test_without_scripts_a_page_says_so_and_the_entries_can_be_read(browser, address):
    with page_of(browser, java_script_enabled=False) as page:
        page.goto(address + "ask/")
        page.get_by_role("link", name="browse the entries").click()
        page.locator("summary", has_text="The same as lists").click()
        page.locator("a.chip", has_text="keras").click()
        assert "framework-keras" in page.url
        page.locator("article li > a").first.click()
        assert page.get_by_role("heading", name="Check first").is_visible()


def test_a_single_search_is_on_the_site_and_it_is_ours(browser, address):
    with page_of(browser) as page:
        loaded = []
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(address + ENTRY, wait_until="networkidle")
        assert page.get_by_role("search").count() == 1
        assert page.get_by_role("search").locator("[data-ask-input]").count() == 1
        assert not [url for url in loaded if "search" in url]


def test_a_reader_gets_from_home_to_an_entry_and_on(browser, address):
    with page_of(browser) as page:
        page.goto(address)
        page.get_by_role("link", name="Browse the entries").click()
        page.get_by_role("link", name="Learning rate above the stability limit").first.click()
        assert ENTRY in page.url
        page.locator("a.chip", has_text="optimization").click()
        assert "category-optimization" in page.url
        page.locator("article a", has_text="Learning rate above").first.click()
        assert ENTRY in page.url
        assert page.wrong == []


def test_code_can_be_copied_and_symptoms_unfold(browser, address):
    with page_of(browser) as page:
        page.goto(address + ENTRY)
        more = page.locator("details summary").first
        hidden = page.locator("details li").first
        assert not hidden.is_visible()
        more.click()
        assert hidden.is_visible()
        assert page.locator(".md-code__button, .md-clipboard").count() >= 1


def test_no_link_of_the_site_is_dead(browser, address):
    with page_of(browser) as page:
        seen = set()
        for path in PAGES:
            page.goto(address + path)
            for target in page.evaluate("[...document.links].map(a => a.href.split('#')[0])"):
                if target.startswith(address) and target not in seen:
                    seen.add(target)
                    assert page.request.get(target).ok, target
        assert len(seen) > 100
