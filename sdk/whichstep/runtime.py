"""The one recording machinery of a process: settings, delivery, tracer provider. Loaded at the first step, not before.

Which tracer provider: the application's, when it has set a real one as the global provider (ours is added to it as a
processor), else one of our own. That one is private, and when the application sets one later, executions that begin
from then on use the application's; `instrument()` makes ours the global one for as long as the application sets none.
"""

from __future__ import annotations

import atexit
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from whichstep import attributes as names
from whichstep.defaults import OwnTracerProvider, offer_tracer_provider
from whichstep.delivery import Delivery
from whichstep.encoding import Encoder
from whichstep.errors import ConfigurationError
from whichstep.processor import AgentSpanProcessor
from whichstep.redaction import Kind, read_patterns
from whichstep.settings import Settings, load
from whichstep.spool import Spool
from whichstep.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from whichstep.logs import LogDoor

logger = logging.getLogger("whichstep")


@dataclass(frozen=True, slots=True)
class Setup:
    """What recording depends on; changed as a whole."""

    settings: Settings
    capture_content: bool
    delivery: Delivery
    kinds: tuple[Kind, ...] | None = None
    """What to redact; None: the built-in kinds."""


def set_up(settings: Settings, transport: Transport | None = None) -> Setup:
    """The delivery that the settings describe, not running yet."""
    for problem in settings.problems:
        logger.warning("whichstep: %s", problem)
    kinds, capture_content = _kinds(settings)
    encoder = Encoder(settings, kinds, capture_content=capture_content)
    delivery = Delivery(settings, encoder, transport or HttpTransport(settings), Spool(settings))
    return Setup(settings, capture_content, delivery, kinds)


class Runtime:
    """Everything that records in this process."""

    def __init__(self, setup: Setup) -> None:
        self._own: OwnTracerProvider | None = None
        self._joined: dict[int, tuple[TracerProvider, AgentSpanProcessor]] = {}
        """By id: a provider need not be hashable."""
        self._tracers: dict[int, trace.Tracer] = {}
        self._logs: LogDoor | None = None
        self._lock = threading.Lock()
        self.use(setup)

    def use(self, setup: Setup) -> None:
        """Record with this set-up from now on; what waits in the previous one is the caller's to deliver."""
        self.setup = setup
        self.settings, self.capture_content, self.delivery = setup.settings, setup.capture_content, setup.delivery
        for _, processor in self._joined.values():
            processor.delivery = setup.delivery

    def tracer(self) -> trace.Tracer:
        """The tracer of the provider that is in force now; one call costs well below a microsecond."""
        provider = self.provider()
        tracer = self._tracers.get(id(provider))
        if tracer is None:
            get_tracer = provider.own_tracer if isinstance(provider, OwnTracerProvider) else provider.get_tracer
            tracer = self._tracers[id(provider)] = get_tracer(names.SCOPE)
        return tracer

    def provider(self) -> TracerProvider:
        """The application's tracer provider, with our processor in it, else our own."""
        current: Any = trace.get_tracer_provider()
        if isinstance(current, TracerProvider) or hasattr(current, "add_span_processor"):  # Logfire's is a wrapper
            if id(current) not in self._joined:
                self._join(current, everything=False)
            found: TracerProvider = current
            return found
        if self._own is None:
            own = OwnTracerProvider(shutdown_on_exit=False, span_limits=_span_limits(self.settings))
            self._join(own, everything=True)
            self._own = own
        return self._own

    def make_global(self) -> None:
        """Make our own provider the global one until the application sets one; agent spans alone are sent then.

        Some frameworks (AutoGen, Semantic Kernel) trace themselves, to the global provider and no other. So do web
        servers and databases, whose spans are not ours to send.
        """
        own = self.provider()
        if isinstance(own, OwnTracerProvider) and own is not trace.get_tracer_provider():
            self._joined[id(own)][1].send_agent_spans_only()
            offer_tracer_provider(own, self.provider)

    def hear_logs(self) -> None:
        """Take messages that instrumentations put into OTLP logs; again and again is as good as once."""
        if self._logs is None:
            from whichstep.logs import LogDoor  # noqa: PLC0415  most processes have no such instrumentation

            self._logs = LogDoor(lambda: self.delivery)
            self._logs.open()

    def shutdown(self, *, timeout_seconds: float) -> None:
        """End what is open, our steps first, then what frameworks left open in our own provider; send; stop."""
        from whichstep.recording import end_open_steps  # noqa: PLC0415  it imports this module

        end_open_steps()
        for _, processor in self._joined.values():
            processor.end_open_spans()
        self.delivery.close(timeout_seconds=timeout_seconds)

    def _join(self, provider: TracerProvider, *, everything: bool) -> TracerProvider:
        with self._lock:
            if id(provider) not in self._joined:
                processor = AgentSpanProcessor(self.delivery, everything=everything)
                provider.add_span_processor(processor)
                self._joined[id(provider)] = provider, processor
        return provider


_runtime: Runtime | None = None
_lock = threading.Lock()


def running() -> Runtime:
    """The runtime of this process; the first call builds it from the environment."""
    return _runtime or _build(load())


def configured(settings: Settings) -> Runtime:
    """The runtime with these settings: built, or changed when it runs with others."""
    runtime = _build(settings)
    if runtime.settings != settings:
        previous = runtime.delivery
        runtime.use(set_up(settings))
        previous.close(timeout_seconds=1.0)
    return runtime


def started() -> Runtime | None:
    """The runtime if anything has been recorded or configured, without building it."""
    return _runtime


def _build(settings: Settings) -> Runtime:
    global _runtime  # noqa: PLW0603  one per process, by design
    with _lock:
        if _runtime is None:
            _runtime = Runtime(set_up(settings))
            atexit.register(_at_exit)
        return _runtime


def _at_exit() -> None:
    if _runtime is not None:
        _runtime.shutdown(timeout_seconds=_runtime.settings.exit_timeout_seconds)


def _kinds(settings: Settings) -> tuple[tuple[Kind, ...] | None, bool]:
    """What to redact, None for the default; and whether content may be captured: not when that cannot be read."""
    if settings.redact_file is None:
        return None, settings.capture_content
    try:
        return read_patterns(settings.redact_file), settings.capture_content
    except ConfigurationError as error:
        logger.warning("whichstep: %s; no content is captured until this is mended", error)
        return None, False


def _span_limits(settings: Settings) -> SpanLimits:
    limit = settings.span_attributes_max
    return SpanLimits() if limit is None else SpanLimits(max_span_attributes=limit)
