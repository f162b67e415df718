"""Chromium over the built site: how it is served, and a page that notes what goes wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from conftest import ROOT

SITE = ROOT / "site"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
MEANING = "[data-ask][data-stage=meaning]"
# Seconds for the encoder to load and read on a busy machine.
PATIENCE = 90_000


def inline_scripts(site: Path) -> set[str]:
    """The hashes of the theme's own inline scripts, for a Content-Security-Policy.

    One of them names the site's root, so it differs with the depth of a page.
    """
    found = set()
    depths = ("index.html", "*/index.html", "*/*/index.html", "*/*/*/index.html")
    for page in [next(site.glob(depth)) for depth in depths]:
        for attributes, text in re.findall(
            r"<script([^>]*)>(.*?)</script>", page.read_text(), re.S
        ):
            if "src=" not in attributes and "application/json" not in attributes:
                digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
                found.add(f"'sha256-{digest}'")
    return found


@contextlib.contextmanager
def served(folder: Path, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a loopback server over a folder, with further headers on every answer."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, directory=str(folder), **named)

        def end_headers(self):
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_arguments):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_arguments):
            # A page that is left while it loads hangs up.
            pass

    server = Server(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def page_of(browser, width=1366, height=768, scheme="light", **options):
    """A fresh page that records what goes wrong and what is fetched from elsewhere."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, **options
    )
    page = context.new_page()
    page.wrong, page.foreign = [], []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("dialog", lambda dialog: (page.wrong.append(dialog.message), dialog.dismiss()))
    page.on("response", lambda r: r.status >= 400 and page.wrong.append(f"{r.status} {r.url}"))
    page.on(
        "request",
        lambda r: r.url.startswith(("http://127.0.0.1", "file:")) or page.foreign.append(r.url),
    )
    yield page
    context.close()
