"""Steps and evaluations to the sidecar, in requests of bounded size; what it refuses is counted.

Asks the sidecar two things that a source may not say: when an untimed run was stored before, so that it is recognised
when it is imported again, and which trace a step is in, for evaluations that name the step alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep_cli.client import Client
from whichstep_cli.errors import CommandError
from whichstep_cli.imports.steps import Attributes, Converted, Evaluation, key_values, record_of, span_of
from whichstep_cli.imports.values import nanoseconds
from whichstep_cli.otlp import LOGS, PROTOBUF, TRACES, deliver

_STEPS_MAX: Final = 512
_BYTES_MAX: Final = 4 << 20
_WAITING_MAX: Final = 2000
_LOAD_TRIES: Final = 10
_LOAD_SECONDS: Final = 0.5
"""What was sent is queryable within two seconds."""


@dataclass(slots=True)
class Counts:
    """What was read, and what became of it."""

    files: int = 0
    records: int = 0
    requests: int = 0
    spans: int = 0
    log_records: int = 0
    rejected: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    """Records by format."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Records that were not taken, by reason."""
    problems: list[dict[str, str]] = field(default_factory=list)


class Sender:
    """Collects and sends; `finish` sends what is left."""

    def __init__(self, client: Client, counts: Counts) -> None:
        self._client, self._counts = client, counts
        self._pending: list[Converted] = []
        self._steps = self._bytes = 0
        self._waiting: list[tuple[Converted, Evaluation]] = []
        self.file = ""
        """Named where something is refused."""

    def send(self, converted: Converted) -> None:
        """Queue what a record became."""
        self._pending.append(converted)
        self._steps += len(converted.steps) + len(converted.evaluations)
        self._bytes += sum(_size(step.attributes) for step in converted.steps)
        if self._steps >= _STEPS_MAX or self._bytes >= _BYTES_MAX:
            self._flush()

    def request(self, path: str, body: bytes, content_type: str, items: int) -> None:
        """Send one OTLP request as it is."""
        receipt = deliver(self._client, path, body, content_type)
        if receipt.undecodable:
            self._counts.problems.append({"file": self.file, "problem": receipt.reason})
            return
        self._counts.requests += 1
        self._counts.rejected += receipt.rejected
        if path == LOGS:
            self._counts.log_records += items
        else:
            self._counts.spans += items
        if receipt.rejected:
            self._counts.problems.append(
                {"file": self.file, "problem": f"{receipt.rejected} rejected: {receipt.reason}"}
            )

    def finish(self) -> None:
        """Send everything that is left."""
        self._flush()
        self._place()

    def _flush(self) -> None:
        pending, self._pending, self._steps, self._bytes = self._pending, [], 0, 0
        starts = self._stored_starts([item for item in pending if item.untimed])
        traces, logs = ExportTraceServiceRequest(), ExportLogsServiceRequest()
        spans = records = 0
        for item in pending:
            spans += _add_steps(traces, item, starts)
            placed = [found for found in item.evaluations if found.trace_id]
            self._waiting += [(item, found) for found in item.evaluations if not found.trace_id]
            records += _add_evaluations(logs, item, placed)
        self._deliver(TRACES, traces, spans)
        self._deliver(LOGS, logs, records)
        if len(self._waiting) >= _WAITING_MAX:
            self._place()

    def _deliver(self, path: str, message: Message, items: int) -> None:
        if items:
            self.request(path, message.SerializeToString(), PROTOBUF, items)

    def _place(self) -> None:
        """Send the evaluations that name no trace, as soon as their steps are stored."""
        waiting, self._waiting = self._waiting, []
        for attempt in range(_LOAD_TRIES):
            traces = self._traces_of({found.span_id for _, found in waiting if found.span_id})
            logs = ExportLogsServiceRequest()
            records = 0
            for item, found in waiting:
                if (trace_id := traces.get(found.span_id or "")) is not None:
                    found.trace_id = trace_id
                    records += _add_evaluations(logs, item, [found])
            self._deliver(LOGS, logs, records)
            waiting = [(item, found) for item, found in waiting if not found.trace_id]
            if not waiting:
                return
            if attempt + 1 < _LOAD_TRIES:
                time.sleep(_LOAD_SECONDS)
        self._counts.skipped["an evaluation whose step is not stored: import its spans first"] += len(waiting)

    def _stored_starts(self, untimed: Sequence[Converted]) -> dict[str, int]:
        """When runs without times were stored, by trace id."""
        ids = {step.trace_id for item in untimed for step in item.steps}
        rows = self._ask("select trace_id, min(started_at) as at from spans where trace_id in ({}) group by 1", ids)
        return {str(trace_id): at for trace_id, said in rows if (at := nanoseconds(said)) is not None}

    def _traces_of(self, span_ids: set[str]) -> dict[str, str]:
        rows = self._ask("select span_id, trace_id from spans where span_id in ({})", span_ids)
        return {str(span_id): str(trace_id) for span_id, trace_id in rows}

    def _ask(self, sql: str, ids: Iterable[str]) -> list[list[Any]]:
        """Rows for ids in hex. None where the token may not read: what is asked is unknown then."""
        listed = ", ".join(f"'{item}'" for item in sorted(ids))
        if not listed:
            return []
        try:
            return list(self._client.post("/api/v1/query", {"sql": sql.format(listed)})["rows"])
        except CommandError as error:
            self._counts.skipped[f"a question about what is stored: {error}"] += 1
            return []


def _add_steps(request: ExportTraceServiceRequest, item: Converted, starts: dict[str, int]) -> int:
    if not item.steps:
        return 0
    group = request.resource_spans.add()
    group.resource.attributes.extend(key_values(item.resource))
    scope = group.scope_spans.add()
    scope.scope.name = item.scope
    for index, step in enumerate(item.steps):
        scope.spans.append(span_of(step, index, starts.get(step.trace_id) or item.at or 0))
    return len(item.steps)


def _add_evaluations(request: ExportLogsServiceRequest, item: Converted, found: Sequence[Evaluation]) -> int:
    if not found:
        return 0
    group = request.resource_logs.add()
    group.resource.attributes.extend(key_values(item.resource))
    scope = group.scope_logs.add()
    scope.scope.name = item.scope
    scope.log_records.extend(record_of(evaluation) for evaluation in found)
    return len(found)


def _size(attributes: Attributes) -> int:
    return sum(len(value) if isinstance(value, str) else 8 for value in attributes.values())
