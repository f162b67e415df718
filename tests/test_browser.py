"""The built site in real Chromium: readable at every width, in both schemes, from any sub-path."""

from __future__ import annotations

import pytest
from browsing import page_of

pytestmark = pytest.mark.browser
ENTRY = "kb/learning-rate-too-high/"
PAGES = ["", "ask/", "using/", "kb/", ENTRY, "kb/origins/", "kb/messages/"]
PAGES += ["kb/browse/category-rl/"]


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


def test_check_and_fix_are_in_view_on_a_laptop(browser, address):
    with page_of(browser) as page:
        page.goto(address + ENTRY)
        for heading in ("Check first", "Fix"):
            box = page.get_by_role("heading", name=heading, exact=False).first.bounding_box()
            assert box["y"] + box["height"] < 768 - 100, heading


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
