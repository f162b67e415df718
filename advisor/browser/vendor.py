"""Files of npm packages that the site brings along, so that nothing comes from a CDN.

They are fetched with `npm pack` from whatever registry npm is set up for, checked against a
pinned hash and kept in the cache; npm is not needed again until the pin changes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import AdvisorError

# Seconds; the package is 20 MB packed.
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package at one version; `integrity` is npm's own hash of its archive."""

    name: str
    version: str
    integrity: str

    @property
    def file_name(self) -> str:
        """What `npm pack` calls the archive."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


class NotFetched(AdvisorError):
    """The package is not in the cache and cannot be fetched now."""


# Runs encoder.onnx in the browser: the build with WebAssembly and no GPU.
RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)


def read_files(package: Package, names: tuple[str, ...], cache: Path) -> list[bytes]:
    """Files of a package, by their paths in it; raises NotFetched with what to do."""
    with tarfile.open(fileobj=io.BytesIO(_archive(package, cache / "npm"))) as archive:
        found = [archive.extractfile(f"package/{name}") for name in names]
        return [part.read() for part in found if part is not None]


def _archive(package: Package, cache: Path) -> bytes:
    kept = cache / package.file_name
    if kept.is_file() and _is_genuine(kept.read_bytes(), package):
        return kept.read_bytes()
    npm = shutil.which("npm")
    wanted = f"{package.name}@{package.version}"
    hint = f"Install Node.js, or put the file of 'npm pack {wanted}' into '{cache}'."
    if npm is None:
        raise NotFetched(f"'{wanted}' is needed and npm, which fetches it, is not installed.", hint)
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [npm, "pack", "--silent", wanted],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise NotFetched(f"npm did not fetch '{wanted}' in {PATIENCE} s.", hint) from None
        fetched = Path(folder) / package.file_name
        if done.returncode or not fetched.is_file():
            said = done.stderr.strip().splitlines()
            raise NotFetched(
                f"npm could not fetch '{wanted}': {said[0] if said else 'no network?'}", hint
            )
        content = fetched.read_bytes()
    if not _is_genuine(content, package):
        raise AdvisorError(
            f"What npm fetched for '{wanted}' is not the file whose hash is pinned here.",
            "Ask whoever runs your npm registry; do not publish a site with it.",
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)
    except OSError:
        pass  # Fetched again next time.
    return content


def _is_genuine(content: bytes, package: Package) -> bool:
    kind, _, wanted = package.integrity.partition("-")
    return base64.b64encode(hashlib.new(kind, content).digest()).decode() == wanted
