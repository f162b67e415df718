"""What Prometheus reads: counts over all workers."""

from __future__ import annotations

import os

# It decides at its import whether counts are shared between processes: `run` sets
# PROMETHEUS_MULTIPROC_DIR before anything imports this module.
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_own = CollectorRegistry()

REQUESTS = Counter(
    "dladvisor_requests_total", "Requests answered.", ("route", "status"), registry=_own
)
SECONDS = Histogram(
    "dladvisor_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=_own
)
ANSWERS = Counter("dladvisor_answers_total", "Questions answered.", ("verdict",), registry=_own)
VOTES = Counter("dladvisor_votes_total", "Votes kept.", ("helpful",), registry=_own)
REFUSED = Counter("dladvisor_refused_total", "Requests over a limit.", ("limit",), registry=_own)
ENTRIES = Gauge(
    "dladvisor_entries", "Entries served.", registry=_own, multiprocess_mode="mostrecent"
)
LEFT_OUT = Gauge(
    "dladvisor_entries_left_out",
    "Entry files that cannot be read.",
    registry=_own,
    multiprocess_mode="mostrecent",
)
HELD = Gauge(
    "dladvisor_entries_held",
    "1 while the last good state of some or all entries is served.",
    registry=_own,
    multiprocess_mode="max",
)


def text() -> bytes:
    """All counts in Prometheus' format: of every worker where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(_own)
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)
