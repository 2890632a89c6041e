"""Numbers for whoever watches the server, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PATHS = ("/v1/predict", "/v1/score", "/health", "/metrics")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Figures:
    """Counters of one server; several in a process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("affectrl_requests", "Requests answered.", ["path", "status"], registry=self.registry)
        self.seconds = Histogram(
            "affectrl_request_seconds", "Time to answer.", ["path"], buckets=_SECONDS, registry=self.registry
        )
        self.active = Gauge("affectrl_active_requests", "Requests of the API under way.", registry=self.registry)
        self.waiting = Gauge("affectrl_waiting_requests", "Requests that wait for a model.", registry=self.registry)
        self.batches = Histogram(
            "affectrl_batch_clips", "Clips in a forward pass.", buckets=(1, 2, 4, 8, 16, 32), registry=self.registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request; paths that are not of the API count as one, so that nobody can make up series."""
        known = path if path in PATHS else "other"
        self.requests.labels(known, str(status)).inc()
        self.seconds.labels(known).observe(seconds)
