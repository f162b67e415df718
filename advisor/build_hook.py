"""The wheel's build hook: makes the ready index, so that a fresh install answers at once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class IndexHook(BuildHookInterface):  # type: ignore[misc]
    """Builds advisor/index/ from kb/ before a wheel is packed; editable installs need none."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from advisor import encoder, index, knowledge

        entries = knowledge.require_some(knowledge.load([root / "kb"]))
        if entries.bad:
            raise entries.bad[0]
        self.app.display_info(f"Encoding {len(entries)} entries")
        out = root / "advisor" / "index"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        made = index.build(entries, encoder.OnnxEncoder(root / "advisor" / "model"))
        index.write(made, out, {})
