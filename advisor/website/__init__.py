"""The site's pages, written as plain Markdown files for MkDocs (or any heir of it) to build.

Pages are files, not a hook's inventions: Zensical, heir of Material for MkDocs, drops the
latter. Only files that changed are touched, so that `mkdocs serve` rebuilds little.
"""

from __future__ import annotations

from pathlib import Path

from advisor.knowledge import Knowledge
from advisor.website import contested, lists, origins, pages, symptoms


def write(knowledge: Knowledge, docs: Path) -> int:
    """Write every generated page to docs/kb/ and delete what is left from before; the count."""
    folder = docs / "kb"
    made = {
        **{f"{entry.id}.md": pages.entry_page(entry, knowledge) for entry in knowledge},
        **lists.index_pages(knowledge),
        **symptoms.symptom_pages(knowledge),
        "contested.md": contested.contested_page(knowledge),
        "origins.md": origins.origins_page(knowledge),
    }
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in made:
            path.unlink()
    return len(made)
