"""Sees every span of a tracer provider: stamps the execution id, and hands agent spans to the delivery.

One processor per provider. In a private provider of ours every span is ours to send; in the global provider, whoever
set it, only agent spans are (`agent_scopes`), and a span whose parent is not sent is hung on the nearest ancestor that
is, so a web or database span in between does not cut the tree. The application's exporters are never touched.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from whichstep import attributes as names
from whichstep.agent_scopes import has_agent_attributes, is_agent_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from whichstep.delivery import Delivery

EXECUTION_KEY: Final = otel_context.create_key("whichstep-execution")
"""Key under which the execution travels in the OpenTelemetry context."""
ENDED: Final[list[Callable[[ReadableSpan], None]]] = []
"""Told of every span as it ends, sampled or not; they must be quick and not raise."""


RUN_KEY: Final = otel_context.create_key("whichstep-workflow-run")
"""Key under which the run of a workflow, which holds steps to its contract, travels in the context."""


class AgentSpanProcessor(SpanProcessor):
    """Stamps and forwards spans. Called on the host's threads: no lock, no I/O."""

    def __init__(self, delivery: Delivery, *, everything: bool) -> None:
        self.delivery = delivery
        self._ours = everything
        self._everything = everything
        self._ancestors: dict[int, trace.SpanContext | None] = {}
        self._open: weakref.WeakValueDictionary[int, Span] = weakref.WeakValueDictionary()

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp the execution id of the context, and remember where the span hangs if its parent is not sent."""
        scope = span.instrumentation_scope
        if scope is not None and scope.name == names.SCOPE:
            if not self._everything:
                self._adopt(span, parent_context)
            return
        execution_id = _stamp(parent_context)
        if execution_id is not None:
            span.set_attribute(names.EXECUTION_ID, execution_id)
        context = span.get_span_context()
        if self._ours and context is not None:
            self._open[context.span_id] = span
        if not self._everything:
            self._adopt(span, parent_context)

    def send_agent_spans_only(self) -> None:
        """From now on, spans of web servers, databases and the application itself are left alone."""
        self._everything = False

    def on_end(self, span: ReadableSpan) -> None:
        """Offer the span for delivery if it is an agent's and was sampled."""
        for hear in ENDED:
            hear(span)
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        if self._everything:
            self.delivery.offer(span)
            return
        unset: Any = object()
        ancestor = self._ancestors.pop(context.span_id, unset)
        if _is_agent_span(span):
            self.delivery.offer(span if ancestor is unset else _copy(span, parent=ancestor))

    def end_open_spans(self) -> int:
        """End what frameworks left open in our own provider; at the end of the process. Answers how many."""
        spans = [span for span in list(self._open.values()) if span.is_recording()]
        for span in spans:
            span.set_attribute(names.CONTROL_FLOW, "cancelled")
            span.end()
        return len(spans)

    def shutdown(self) -> None:
        """Send what waits, bounded; the delivery itself outlives the provider."""
        self.delivery.flush(timeout_seconds=self.delivery.settings.exit_timeout_seconds)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what waits; False when the time was not enough."""
        return self.delivery.flush(timeout_seconds=timeout_millis / 1000)

    def _adopt(self, span: Span, parent_context: otel_context.Context | None) -> None:
        """Remember the nearest sent ancestor of a span whose local parent will not be sent, until the span ends."""
        parent, context = trace.get_current_span(parent_context), span.get_span_context()
        if context is not None and isinstance(parent, ReadableSpan) and not _is_agent_span(parent):
            self._ancestors[context.span_id] = self._ancestors.get(parent.get_span_context().span_id, parent.parent)


def start_record(span: Span) -> ReadableSpan:
    """The span as it is now, marked pending and without an end: the same id is sent again when it ends."""
    return _copy(span, parent=span.parent, pending=True)


def _copy(span: ReadableSpan, *, parent: trace.SpanContext | None, pending: bool = False) -> ReadableSpan:
    attributes = dict(span.attributes or {})
    if pending:
        attributes[names.PENDING] = True
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=parent,
        resource=span.resource,
        attributes=attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=0 if pending else span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _is_agent_span(span: Any) -> bool:
    scope = getattr(span, "instrumentation_scope", None)
    known = is_agent_scope(scope.name) if scope is not None else None
    return has_agent_attributes(getattr(span, "attributes", None) or {}) if known is None else known


def _stamp(parent_context: otel_context.Context | None) -> str | None:
    """The execution of the context given, else of the current one, else of the parent span (other threads)."""
    execution: Any = otel_context.get_value(EXECUTION_KEY, parent_context)
    if execution is None and parent_context is not None:
        execution = otel_context.get_value(EXECUTION_KEY)
    if execution is not None:
        execution.foreign_spans = True
        return str(execution.execution_id)
    attributes = getattr(trace.get_current_span(parent_context), "attributes", None)
    value = attributes.get(names.EXECUTION_ID) if attributes else None
    return value if isinstance(value, str) else None
