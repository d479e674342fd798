"""Planned executions as OTLP: spans through the OpenTelemetry SDK with times of their own, evaluations as log events.

Ids come from the plan, so sending a history twice adds no row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from whichstep import attributes as names
from whichstep_cli.client import Client
from whichstep_cli.demo.history import PlannedExecution
from whichstep_cli.demo.timeline import ROOT, PlannedStep
from whichstep_cli.errors import CommandError
from whichstep_cli.otlp import LOGS, TRACES, deliver

SPANS_PER_REQUEST: Final = 512


def send_history(
    client: Client, planned: Iterable[PlannedExecution], on_sent: Callable[[int], None] = lambda _: None
) -> None:
    """Send all executions and their evaluations. `on_sent` hears how many executions each batch had."""
    sender = _Sender(client)
    waiting = 0
    for execution in planned:
        sender.add(execution)
        waiting += 1
        if sender.is_full:
            sender.flush()
            on_sent(waiting)
            waiting = 0
    sender.flush()
    on_sent(waiting)


class _Sender:
    """Turns executions into spans of the right resource and sends them in requests of equal size."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids = _PlannedIds()
        self._ended = _Ended()
        self._providers: dict[tuple[str, str], TracerProvider] = {}
        self._logs = ExportLogsServiceRequest()

    @property
    def is_full(self) -> bool:
        """Whether a request's worth of spans is waiting."""
        return len(self._ended.spans) >= SPANS_PER_REQUEST

    def add(self, execution: PlannedExecution) -> None:
        """Make the spans and evaluations of one execution; nothing is sent."""
        self._ids.begin(execution)
        provider = self._provider(execution)
        tracer = provider.get_tracer(names.SCOPE)
        root, *steps = execution.steps
        stamp = {names.EXECUTION_ID: execution.execution_id}
        span = tracer.start_span(root.name, start_time=root.started_at, attributes={**root.attributes, **stamp})
        for step in steps:
            context = set_span_in_context(span)
            child = tracer.start_span(
                step.name, context, start_time=step.started_at, attributes={**step.attributes, **stamp}
            )
            _end(child, step)
        _end(span, root)
        self._note_evaluations(execution, span.get_span_context().span_id)

    def flush(self) -> None:
        """Send what is waiting.

        Raises:
            CommandError: the sidecar rejected a part of it.
        """
        spans, self._ended.spans = self._ended.spans, []
        logs, self._logs = self._logs, ExportLogsServiceRequest()
        requests = [(TRACES, encode_spans(spans))] if spans else []
        for path, request in [*requests, *([(LOGS, logs)] if logs.resource_logs else [])]:
            receipt = deliver(self._client, path, request.SerializeToString())
            if receipt.rejected or receipt.undecodable:
                raise CommandError(f"the sidecar rejected sample data: {receipt.reason}; please report it")

    def _provider(self, execution: PlannedExecution) -> TracerProvider:
        key = (execution.service, execution.release)
        if key not in self._providers:
            resource = Resource(
                {
                    "service.name": execution.service,
                    "service.version": execution.release,
                    "deployment.environment.name": execution.environment,
                }
            )
            provider = TracerProvider(
                resource=resource, sampler=ALWAYS_ON, id_generator=self._ids, shutdown_on_exit=False
            )
            provider.add_span_processor(self._ended)
            self._providers[key] = provider
        return self._providers[key]

    def _note_evaluations(self, execution: PlannedExecution, span_id: int) -> None:
        if not execution.evaluations:
            return
        group = self._logs.resource_logs.add()
        _set(group.resource.attributes, "service.name", execution.service)
        scope = group.scope_logs.add()
        scope.scope.name = names.SCOPE
        for evaluation in execution.evaluations:
            record = scope.log_records.add(
                time_unix_nano=execution.steps[ROOT].ended_at + 60_000_000_000,
                event_name=names.EVALUATION_EVENT,
                trace_id=bytes.fromhex(execution.execution_id),
                span_id=span_id.to_bytes(8, "big"),
            )
            _set(record.attributes, names.EXECUTION_ID, execution.execution_id)
            _set(record.attributes, names.EVALUATION_NAME, evaluation.name)
            _set(record.attributes, names.EVALUATION_EXPLANATION, evaluation.explanation)
            _set(record.attributes, names.EVALUATION_SOURCE, evaluation.source)
            record.attributes.add(key=names.EVALUATION_SCORE).value.double_value = evaluation.score


class _PlannedIds(IdGenerator):
    """The trace id is the execution's; span ids follow from its seed."""

    def begin(self, execution: PlannedExecution) -> None:
        self._trace_id = int(execution.execution_id, 16)
        self._rng = random.Random(f"spans {execution.seed}")  # noqa: S311 (sample data)

    def generate_trace_id(self) -> int:
        return self._trace_id

    def generate_span_id(self) -> int:
        return self._rng.getrandbits(64) | 1


class _Ended(SpanProcessor):
    """Keeps the spans that ended, until they are sent."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def _end(span: Span | object, step: PlannedStep) -> None:
    if not isinstance(span, Span):
        raise TypeError(f"the OpenTelemetry SDK gave no recording span for {step.name}; is OTEL_SDK_DISABLED set?")
    if step.failure:
        found = {"exception.type": step.failure.type, "exception.message": step.failure.message}
        span.add_event("exception", found, timestamp=step.ended_at)
        span.set_attribute(names.ERROR_TYPE, step.failure.type)
        span.set_status(Status(StatusCode.ERROR, step.failure.message))
    span.end(end_time=step.ended_at)


def _set(attributes: object, key: str, text: str) -> None:
    attributes.add(key=key).value.string_value = text  # type: ignore[attr-defined]
