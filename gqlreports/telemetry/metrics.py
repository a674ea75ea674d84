"""Metrics for Prometheus.

Labels have only fixed values, such as report types and outcome codes, so that no caller can increase their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gqlreports.backends.answer_cache import CacheCounts
from gqlreports.errors import InvalidInput
from gqlreports.telemetry.record import Record

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of the application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.running = Gauge("gqlreports_requests_running", "Requests that are being answered.", registry=self.registry)
        self._requests = Counter(
            "gqlreports_requests", "Requests, by how they ended.", ["code"], registry=self.registry
        )
        self._seconds = Histogram(
            "gqlreports_request_seconds", "Whole requests.", buckets=_SECONDS, registry=self.registry
        )
        self._parse = Histogram(
            "gqlreports_parse_seconds", "Parsing and validating.", buckets=_SECONDS, registry=self.registry
        )
        self._reports = Counter(
            "gqlreports_reports", "Reports, by how they ended.", ["report", "code"], registry=self.registry
        )
        self._store = Histogram(
            "gqlreports_report_store_seconds",
            "The store's work on a report.",
            ["report"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._rows = Counter(
            "gqlreports_report_rows_read", "Rows read in the store.", ["report"], registry=self.registry
        )
        self._bytes = Counter(
            "gqlreports_report_bytes_read", "Bytes read in the store.", ["report"], registry=self.registry
        )

    def count(self, record: Record) -> None:
        """Count a request that has ended."""
        self._requests.labels(record.code).inc()
        self._seconds.observe(record.whole.seconds)
        self._parse.observe(record.parse.seconds)
        for report in record.reports:
            self._reports.labels(report.type, report.code).inc()
            self._store.labels(report.type).observe(report.store_ms / 1000)
            self._rows.labels(report.type).inc(report.rows_read)
            self._bytes.labels(report.type).inc(report.bytes_read)

    def watch(self, answers: CacheCounts) -> None:
        """Include the counts of the answer cache."""
        self.registry.register(_Answers(answers))

    def serve(self, host: str, port: int) -> None:
        """Serve `/metrics` on a separate port, from a thread.  Raises InvalidInput if the port cannot be used."""
        try:
            start_http_server(port, host, self.registry)
        except OSError as error:
            raise InvalidInput(f"Metrics cannot be served at port {port}: {error.strerror}.") from error


@dataclass(eq=False)
class _Answers(Collector):
    counts: CacheCounts

    def collect(self) -> Iterator[Metric]:
        counts = self.counts
        asked = CounterMetricFamily("gqlreports_answers", "Statements, by what answered them.", labels=["by"])
        for by, number in (("cache", counts.hits), ("another", counts.shared), ("store", counts.misses)):
            asked.add_metric([by], number)
        yield asked
        yield GaugeMetricFamily("gqlreports_answers_bytes", "Bytes of answers that are kept.", counts.bytes)
