"""What the sidecar counts about itself: one table, one registry, the Prometheus text.

A figure that is not in the table cannot be counted, and docs/metrics.md is generated from the table. Counters start
at 0 with the process; gauges are read when asked for, so they cost nothing in between.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One figure about the sidecar."""

    name: str
    kind: str
    """`counter` or `gauge`."""
    unit: str
    sentence: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    Metric("whichstep_requests_total", "counter", "requests", "OTLP requests answered.", ("door", "signal", "result")),
    Metric("whichstep_request_bytes_total", "counter", "bytes", "Request bytes as sent.", ("door",)),
    Metric("whichstep_acknowledge_seconds_total", "counter", "seconds", "Time to OK, summed over accepted requests."),
    Metric("whichstep_refusals_total", "counter", "requests", "Requests refused, by reason.", ("door", "reason")),
    Metric("whichstep_spans_accepted_total", "counter", "spans", "Spans acknowledged, repeated ones included."),
    Metric("whichstep_spans_rejected_total", "counter", "spans", "Spans left out of an accepted request."),
    Metric("whichstep_log_records_accepted_total", "counter", "records", "Log records acknowledged."),
    Metric("whichstep_log_records_rejected_total", "counter", "records", "Log records left out of a request."),
    Metric("whichstep_metric_requests_ignored_total", "counter", "requests", "Metric exports accepted and not stored."),
    Metric("whichstep_redactions_total", "counter", "values", "Secrets replaced before anything was stored."),
    Metric("whichstep_in_flight_bytes", "gauge", "bytes", "Request bytes held now."),
    Metric("whichstep_disk_free_bytes", "gauge", "bytes", "Free space on the disk of the data folder."),
    Metric("whichstep_journal_segments", "gauge", "files", "Files of the journal."),
    Metric("whichstep_journal_bytes", "gauge", "bytes", "Size of the journal."),
    Metric("whichstep_journal_backlog_bytes", "gauge", "bytes", "Acknowledged and not yet in the store."),
    Metric("whichstep_journal_damaged_bytes", "gauge", "bytes", "Bytes of the journal that hold no whole record."),
    Metric("whichstep_journal_syncs_total", "counter", "syncs", "Groups written and synced."),
    Metric("whichstep_journal_failures_total", "counter", "failures", "Groups that the disk refused."),
    Metric("whichstep_rows_loaded_total", "counter", "rows", "Spans and log records added to the store."),
    Metric("whichstep_duplicates_total", "counter", "rows", "Spans and log records received again and not added."),
    Metric("whichstep_load_failures_total", "counter", "failures", "Transactions that the store refused."),
    Metric("whichstep_store_reopens_total", "counter", "times", "Times the store was opened again after a failure."),
    Metric(
        "whichstep_batches_set_aside_total", "counter", "batches", "Batches that the store cannot take, kept aside."
    ),
    Metric("whichstep_segments_sealed_total", "counter", "files", "Parquet files closed."),
    Metric("whichstep_checkpoints_total", "counter", "times", "Checkpoints of the database."),
    Metric("whichstep_job_ticks_total", "counter", "ticks", "Rounds of the jobs."),
    Metric("whichstep_job_failures_total", "counter", "failures", "Rounds of the jobs that failed and are repeated."),
    Metric("whichstep_approvals_pending", "gauge", "requests", "Requests for approval that wait for a person."),
    Metric("whichstep_approvals_expired", "gauge", "requests", "Requests that nobody decided in time."),
    Metric("whichstep_approval_waiters", "gauge", "requests", "Long polls that wait for a decision now."),
    Metric("whichstep_approval_messages_undelivered", "gauge", "messages", "Messages that the webhook never took."),
    Metric("whichstep_webhook_messages_total", "counter", "messages", "Messages sent to the webhook.", ("result",)),
    Metric("whichstep_api_requests_total", "counter", "requests", "Requests to the API.", ("route", "status")),
)


class Counters:
    """The figures of one process. Thread-safe."""

    def __init__(self) -> None:
        """Start every counter at 0."""
        self._table = {metric.name: metric for metric in METRICS}
        self._lock = threading.Lock()
        self._values: defaultdict[str, defaultdict[tuple[str, ...], float]] = defaultdict(lambda: defaultdict(float))
        self._reads: dict[str, Callable[[], float]] = {}

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Count. A name or label that the table does not have is a KeyError."""
        key = tuple(labels[label] for label in self._table[name].labels)
        with self._lock:
            self._values[name][key] += value

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Take a figure from a call, made whenever the figures are asked for."""
        self._reads[self._table[name].name] = read

    def value(self, name: str, **labels: str) -> float:
        """Return a figure as of now."""
        if read := self._reads.get(name):
            return read()
        key = tuple(labels[label] for label in self._table[name].labels)
        with self._lock:
            return self._values[name].get(key, 0)

    def text(self) -> str:
        """Return every figure in the Prometheus text format."""
        lines: list[str] = []
        for metric in METRICS:
            lines += [f"# HELP {metric.name} {metric.sentence}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [f"{metric.name}{_labels(metric, key)} {value:.17g}" for key, value in self._samples(metric)]
        return "\n".join([*lines, ""])

    def _samples(self, metric: Metric) -> list[tuple[tuple[str, ...], float]]:
        if read := self._reads.get(metric.name):
            return [((), read())]
        with self._lock:
            values = sorted(self._values[metric.name].items())
        return values or ([] if metric.labels else [((), 0.0)])


def reference() -> str:
    """Return docs/metrics.md."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {metric.unit} | {', '.join(f'`{label}`' for label in metric.labels)} "
        f"| {metric.sentence} |"
        for metric in METRICS
    ]
    return "\n".join([_REFERENCE_HEAD, *rows, ""])


_REFERENCE_HEAD: Final = """\
<!-- Generated from collector/whichstep_collector/counters.py by docs/generate.py; edit there. -->
# What the sidecar tells about itself

`GET /metrics` on the HTTP port, in the Prometheus text format. Counters start at 0 with the process.

| name | kind | unit | labels | meaning |
|---|---|---|---|---|"""


def _labels(metric: Metric, key: tuple[str, ...]) -> str:
    pairs = [f'{label}="{_escaped(value)}"' for label, value in zip(metric.labels, key, strict=True)]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
