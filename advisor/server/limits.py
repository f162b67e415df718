"""A rate limit that all workers of a server share."""

from __future__ import annotations

import hashlib
import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path

_BUCKET = struct.Struct("dd")  # tokens left, when that was (seconds since boot)
# Two addresses share a bucket once in so many pairs; 1 MB.
BUCKETS = 65_536
# An idle client may send as many requests at once as it may send in this time.
BURST_SECONDS = 5


class RateLimit:
    """Token buckets in one mapped file.

    There is no lock: two workers that touch a bucket at the same moment may count one request
    for two, which harms nobody.
    """

    def __init__(self, file: Path, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._most = max(1.0, rate * BURST_SECONDS)
        size = BUCKETS * _BUCKET.size
        with file.open("a+b") as opened:
            if opened.tell() < size:
                opened.truncate(size)
            self._map = mmap.mmap(opened.fileno(), size)

    def wait(self, address: str) -> float:
        """0 if the client may go on, else the seconds until it may."""
        digest = hashlib.blake2b(address.encode(), digest_size=4).digest()
        place = int.from_bytes(digest, "big") % BUCKETS * _BUCKET.size
        tokens, at = _BUCKET.unpack_from(self._map, place)
        now = self._now()
        if not 0 < at <= now:
            tokens, at = self._most, now
        tokens = min(self._most, tokens + (now - at) * self._rate)
        if tokens < 1:
            return float((1 - tokens) / self._rate)
        _BUCKET.pack_into(self._map, place, tokens - 1, now)
        return 0.0

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
