"""Is the data as it should be, and if not, what to do: one check a concern, over what arrived in the last 24 hours.

A check is `ok`, `warn` (figures are incomplete or will be) or `fail` (data is or will be lost). Every count says of
how many; a remedy is given where there is one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.summary import duration
from whichstep_store.filters import NANOSECONDS, parse_time
from whichstep_store.reader import Reader
from whichstep_store.store import Store

WINDOW: Final = 24 * 3_600 * NANOSECONDS
FREE_BYTES_WARN: Final = 5 * 2**30
FREE_BYTES_FAIL: Final = 2**29
SAMPLES_MAX: Final = 10
NAMES_MAX: Final = 12
BACKLOG_MILLISECONDS_WARN: Final = 30_000
"""Executions are promised within 5 s; past six times that something holds the jobs up."""


@dataclass(frozen=True, slots=True)
class Check:
    """One concern: what was found, in a line, then in detail, and what to do about it."""

    id: str
    status: Literal["ok", "warn", "fail"]
    summary: str
    detail: str | None = None
    remedy: str | None = None


Probe: TypeAlias = Callable[[], Sequence[Check]]
Row: TypeAlias = dict[str, Any]


def doctor_document(store: Store, *, now: int, probes: Sequence[Probe] = ()) -> Document:
    """All checks: those of the probes first, then the store's, then those of what arrived."""
    checks = [check for probe in probes for check in probe()]
    checks += [disk(store.data_dir), *_store_checks(store.reader, now), *_span_checks(store.reader, now)]
    return {"checks": [asdict(check) for check in checks]}


def disk(folder: Path) -> Check:
    """Room left beside the data folder."""
    usage = shutil.disk_usage(folder)
    said = f"{_size(usage.free)} of {_size(usage.total)} free at {folder}"
    if usage.free >= FREE_BYTES_WARN:
        return Check("disk", "ok", said)
    remedy = "free some space, or lower WHICHSTEP_RETENTION_DAYS or WHICHSTEP_DATA_SIZE_MAX"
    return Check("disk", "fail" if usage.free < FREE_BYTES_FAIL else "warn", said, remedy=remedy)


def _store_checks(reader: Reader, now: int) -> list[Check]:
    facts = _one(reader, "doctor_store")
    segments = (
        f"schema version {facts['schema_version']}, {facts['segments']:,} segments, {_size(facts['segment_bytes'])}"
    )
    return [Check("schema", "ok", segments), _backlog(facts, now)]


def _backlog(facts: Row, now: int) -> Check:
    waiting = facts["touched_traces"]
    if not waiting:
        return Check("jobs", "ok", "every execution is computed from all its spans")
    age = (now - parse_time(facts["oldest_touched_at"], now=now)) / 1e6
    said = f"{waiting:,} traces wait for the jobs, the oldest for {duration(max(age, 0))}"
    if age < BACKLOG_MILLISECONDS_WARN:
        return Check("jobs", "ok", said)
    return Check(
        "jobs", "warn", said, remedy="look for errors of the jobs in the sidecar's log; figures lag until then"
    )


def _span_checks(reader: Reader, now: int) -> list[Check]:
    since = {"since": max(0, now - WINDOW)}
    spans = _one(reader, "doctor_spans", since)
    scopes = _many(reader, "doctor_scopes", since)
    return [
        _freshness(spans, now),
        _dialects(scopes),
        _not_understood(scopes, spans, reader, now),
        _orphans(spans),
        _roots(_one(reader, "doctor_executions", since)),
        _clocks(_many(reader, "doctor_clocks", since)),
        *_flags(_many(reader, "doctor_flags", since), spans),
        _prices(_many(reader, "doctor_prices", since)),
        _configurations(_many(reader, "doctor_configurations", since)),
    ]


def _freshness(spans: Row, now: int) -> Check:
    if spans["last_received_at"] is None:
        remedy = "point an exporter at this endpoint: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
        return Check("freshness", "warn", "no span in the last 24 hours", remedy=remedy)
    age = (now - parse_time(spans["last_received_at"], now=now)) / 1e6
    return Check("freshness", "ok", f"last span {duration(max(age, 0))} ago; {spans['spans']:,} in the last 24 hours")


def _dialects(scopes: list[Row]) -> Check:
    counts: dict[str, int] = {}
    for row in scopes:
        counts[row["dialect"]] = counts.get(row["dialect"], 0) + row["spans"]
    known = sorted(((count, name) for name, count in counts.items() if name != "unknown"), reverse=True)
    said = ", ".join(f"{name} ({count:,})" for count, name in known) or "none"
    return Check("dialects", "ok", f"conventions seen: {said}")


def _not_understood(scopes: list[Row], spans: Row, reader: Reader, now: int) -> Check:
    missed = [row for row in scopes if row["not_understood"]]
    count = sum(row["not_understood"] for row in missed)
    said = f"{count:,} of {spans['spans']:,} spans are of no kind that a known convention has"
    if not count:
        return Check("spans_understood", "ok", said)
    detail = "; ".join(_sample(row, _attribute_names(row, reader, now)) for row in missed[:SAMPLES_MAX])
    more = f"; {len(missed) - SAMPLES_MAX} more scopes" if len(missed) > SAMPLES_MAX else ""
    remedy = (
        "they are kept and shown as steps of type other; set whichstep.step.type on them, or turn on the "
        "OpenTelemetry GenAI or OpenInference instrumentation of that framework (whichstep.instrument()). A convention "
        "that is missing here is worth a report: with these names, no values"
    )
    return Check("spans_understood", "warn", said, detail + more, remedy)


def _sample(row: Row, names: Sequence[str]) -> str:
    known = "" if row["dialect"] == "unknown" else f" ({row['dialect']})"
    said = f"{row['scope'] or '(no scope)'}{known}: {row['not_understood']:,}, as {row['sample_name']!r}"
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    having = f" with {', '.join(names[:NAMES_MAX])}{more}" if names else " without attributes"
    return f"{said} in trace {row['sample_trace_id']}{having}"


def _attribute_names(row: Row, reader: Reader, now: int) -> list[str]:
    """The names of a sample's attributes: what a convention is known by. Values are nobody's business here."""
    found = _many(
        reader,
        "doctor_sample",
        {
            "trace_id": row["sample_trace_id"],
            "span_id": row["sample_span_id"],
            "started_at": parse_time(row["sample_started_at"], now=now),
        },
    )
    return sorted(json.loads(found[0]["attributes"] or "{}")) if found else []


def _orphans(spans: Row) -> Check:
    said = f"{spans['orphans']:,} of {spans['spans']:,} spans have a parent that never arrived"
    if not spans["orphans"]:
        return Check("orphans", "ok", said)
    remedy = "send all services of a trace here, and flush before the process ends (whichstep.flush())"
    return Check("orphans", "warn", said, f"for instance in trace {spans['orphan_trace_id']}", remedy)


def _roots(executions: Row) -> Check:
    said = f"{executions['without_root']:,} of {executions['executions']:,} executions never saw their root end"
    if not executions["without_root"]:
        return Check("missing_roots", "ok", said)
    remedy = "the process died or did not flush: call whichstep.flush() before it ends, and do not sample spans away"
    return Check("missing_roots", "warn", said, f"for instance {executions['without_root_id']}", remedy)


def _clocks(services: list[Row]) -> Check:
    if not services:
        return Check("clock_skew", "ok", "no service's clock is ahead of this machine's")
    detail = "; ".join(
        f"{row['service']}: up to {duration(row['ahead_ms'])} ({row['spans']:,} spans)" for row in services
    )
    said = f"{len(services)} services send spans that start in the future"
    return Check("clock_skew", "warn", said, detail, "synchronise the clocks of those machines (NTP)")


_FLAG_WORDS: Final = {
    "truncated": ("texts were cut by the sender", "raise the limits of the SDK if the cut part matters"),
    "redacted": ("values were redacted", None),
    "dropped": ("spans were dropped by the sender", "raise OTEL_BSP_MAX_QUEUE_SIZE or the spool of the SDK"),
}


def _flags(flags: list[Row], spans: Row) -> list[Check]:
    counts = {row["flag"]: row["spans"] for row in flags}
    checks = []
    for flag, (words, remedy) in _FLAG_WORDS.items():
        count = counts.get(flag, 0)
        warns = count and remedy is not None
        said = f"{words} on {count:,} of {spans['spans']:,} spans"
        checks.append(Check(flag, "warn" if warns else "ok", said, remedy=remedy if warns else None))
    return checks


def _configurations(found: list[Row]) -> Check:
    if not found:
        return Check("configurations", "ok", "no release ran more than one configuration of an agent")
    first = found[0]
    who = f"{first['agent'] or 'an agent'} of release {first['release']}"
    said = f"{len(found)} agents ran several configurations within one release, {who} {first['configurations']}"
    remedy = "name a release for each change of prompts, tools or models; `whichstep compare A B` shows what differs"
    return Check("configurations", "warn", said, remedy=remedy)


def _prices(models: list[Row]) -> Check:
    if not models:
        return Check("prices", "ok", "every model call with known tokens has a price")
    detail = "; ".join(f"{row['model'] or '(no model name)'}: {row['calls']:,} calls" for row in models[:SAMPLES_MAX])
    said = f"{len(models)} models have calls without a price; their cost is unknown, not 0"
    return Check(
        "prices", "warn", said, detail, "have the agent report its cost (whichstep.usage.cost_usd), or add the price"
    )


def _one(reader: Reader, name: str, parameters: Mapping[str, object] | None = None) -> Row:
    return documents(frame(reader.query(name, parameters or {})))[0]


def _many(reader: Reader, name: str, parameters: Mapping[str, object]) -> list[Row]:
    return documents(frame(reader.query(name, parameters)))


def _size(size_bytes: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size_bytes < 1_000:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1_000
    return f"{size_bytes:,.1f} GB"
