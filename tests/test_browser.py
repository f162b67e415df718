"""The built site in real Chromium: readable at every width, in both schemes, from any sub-path."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import threading

import pytest
from conftest import ROOT

pytestmark = pytest.mark.browser
SITE = ROOT / "site"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ENTRY = "kb/learning-rate-too-high/"
PAGES = ["", "using/", "kb/", ENTRY, "kb/origins/", "kb/messages/", "kb/browse/category-rl/"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The site served below a sub-path, as on a project's pages."""
    root = tmp_path_factory.mktemp("www")
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "site").symlink_to(SITE)
    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/deep/er/site/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@contextlib.contextmanager
def page_of(browser, width=1366, height=768, scheme="light"):
    """A fresh page that records what goes wrong and what is fetched from elsewhere."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.wrong, page.foreign = [], []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("response", lambda r: r.status >= 400 and page.wrong.append(f"{r.status} {r.url}"))
    page.on(
        "request",
        lambda r: r.url.startswith("http://127.0.0.1") or page.foreign.append(r.url),
    )
    yield page
    context.close()


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


def test_the_themes_own_search_finds_a_title(browser, address):
    with page_of(browser) as page:
        page.goto(address)
        page.keyboard.press("/")
        page.locator(".md-search__input").fill("mode collapse")
        result = page.locator(".md-search-result__link", has_text="Mode collapse").first
        result.wait_for(timeout=15_000)
        assert page.wrong == []


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
