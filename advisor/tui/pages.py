"""An entry's page for the browser: on your site if its address is set, else a local file."""

from __future__ import annotations

import html
from pathlib import Path

from advisor.entry import Entry
from advisor.render import entry_markdown
from advisor.settings import Settings

_STYLE = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}pre{overflow:auto;padding:.8rem;border:1px solid #8886}"
)


def address(entry: Entry, settings: Settings) -> str:
    """Where the entry's page is; writes a local page when no site is set. Raises OSError."""
    if settings.site:
        return settings.page(entry.id)
    from markdown_it import MarkdownIt  # comes with textual, which reads Markdown with it

    text = entry_markdown(entry, lambda entry_id: f"{entry_id}.html")
    body = MarkdownIt("commonmark", {"html": False}).render(text)
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{html.escape(entry.title)}</title><style>{_STYLE}</style>{body}</html>"
    )
    folder = settings.cache / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    path: Path = folder / f"{entry.id}.html"
    path.write_text(page, encoding="utf-8")
    return path.resolve().as_uri()
