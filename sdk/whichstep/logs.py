"""Messages that instrumentations put into OTLP logs, on their way to the delivery.

An application's own log records are not ours to send: only those of agent scopes, or with a GenAI name or attribute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor

from whichstep.agent_scopes import has_agent_attributes, is_agent_scope
from whichstep.defaults import offer_logger_provider
from whichstep.encoding import Event

if TYPE_CHECKING:
    from whichstep.delivery import Delivery

GENAI_EVENTS: Final = "gen_ai."


class AgentLogProcessor(LogRecordProcessor):
    """Offers the log records of agents for delivery; called on the host's threads, never blocks."""

    def __init__(self, delivery: Callable[[], Delivery]) -> None:
        self._delivery = delivery

    def on_emit(self, log_record: Any) -> None:
        """Take one record; whatever is odd about it, the host does not notice."""
        record, scope = getattr(log_record, "log_record", log_record), log_record.instrumentation_scope
        attributes = dict(record.attributes or {})
        name = getattr(record, "event_name", None) or str(attributes.get("event.name") or "")
        scope_name = scope.name if scope is not None else ""
        if not (is_agent_scope(scope_name) or name.startswith(GENAI_EVENTS) or has_agent_attributes(attributes)):
            return
        resource = getattr(log_record, "resource", None) or getattr(record, "resource", None)
        self._delivery().offer(
            Event(
                name,
                attributes,
                record.timestamp or record.observed_timestamp or time.time_ns(),
                record.trace_id or 0,
                record.span_id or 0,
                dict(resource.attributes) if resource is not None else {},
                scope=scope_name,
                body=record.body,
            )
        )

    emit = on_emit  # its name in older versions of the SDK

    def shutdown(self) -> None:
        """Nothing to do: the delivery outlives the provider."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what waits; False when the time was not enough."""
        return self._delivery().flush(timeout_seconds=timeout_millis / 1000)


class LogDoor:
    """Joins the application's logger provider, or gives the process one where it has none."""

    def __init__(self, delivery: Callable[[], Delivery]) -> None:
        self._processor = AgentLogProcessor(delivery)
        self._joined: list[object] = []

    def open(self) -> None:
        """Hear what the current provider hears, and what one that is set later does."""
        self._join()
        if not self._joined:
            own = LoggerProvider(shutdown_on_exit=False)
            own.add_log_record_processor(self._processor)
            self._joined.append(own)
            offer_logger_provider(own, self._join)

    def _join(self) -> None:
        provider = get_logger_provider()
        if hasattr(provider, "add_log_record_processor") and not any(provider is known for known in self._joined):
            provider.add_log_record_processor(self._processor)
            self._joined.append(provider)
