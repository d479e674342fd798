"""Our providers as the process's global ones, for as long as the application sets none of its own.

Frameworks that trace themselves know the global provider and no other. OpenTelemetry lets a global provider be set
once; ours is put in its place without using up that once, so an application that sets its own later succeeds, and
what was recorded through ours until then is recorded through the application's from then on. Where OpenTelemetry no
longer has the two names that this takes, ours is set as anybody's is: the first one stays.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import _logs, trace
from opentelemetry._logs import _internal as logs_internal
from opentelemetry.sdk.trace import TracerProvider

from whichstep.imports import after_call


class OwnTracerProvider(TracerProvider):
    """A tracer provider whose tracers record with the one that is in force when a span starts."""

    in_force: Callable[[], trace.TracerProvider] | None = None
    """Set where this one may be replaced."""

    def get_tracer(self, *arguments: Any, **options: Any) -> trace.Tracer:
        """A tracer that follows the provider in force."""
        own = super().get_tracer(*arguments, **options)
        return own if self.in_force is None else FollowingTracer(own, self, arguments, options)

    def own_tracer(self, name: str) -> trace.Tracer:
        """A tracer of this provider and no other."""
        return super().get_tracer(name)


class FollowingTracer(trace.Tracer):
    """A tracer of ours until the application has a provider, then one of the application's."""

    def __init__(
        self, own: trace.Tracer, provider: OwnTracerProvider, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._provider, self._arguments, self._options = provider, arguments, options
        self._held: tuple[trace.TracerProvider, trace.Tracer] = (provider, own)

    def start_span(self, *arguments: Any, **options: Any) -> trace.Span:
        """Start a span with the provider in force."""
        return self._tracer.start_span(*arguments, **options)

    def start_as_current_span(self, *arguments: Any, **options: Any) -> AbstractContextManager[trace.Span]:  # type: ignore[override]
        """Start a span with the provider in force, and make it current."""
        return self._tracer.start_as_current_span(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        """What else the SDK's tracers have."""
        return getattr(self._tracer, name)

    @property
    def _tracer(self) -> trace.Tracer:
        provider, tracer = self._held
        in_force = self._provider.in_force() if self._provider.in_force is not None else provider
        if in_force is not provider:
            tracer = in_force.get_tracer(*self._arguments, **self._options)
            self._held = in_force, tracer
        return tracer


def offer_tracer_provider(own: OwnTracerProvider, in_force: Callable[[], trace.TracerProvider]) -> None:
    """Make `own` the global tracer provider until another is set; then `in_force` is called, and says which it is."""
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    if _replaceable(trace, "_TRACER_PROVIDER", "_set_tracer_provider"):
        own.in_force = in_force
        after_call(trace, "_set_tracer_provider", in_force)
        trace._TRACER_PROVIDER = own  # noqa: SLF001  see the module's docstring
    else:
        trace.set_tracer_provider(own)


def offer_logger_provider(own: Any, in_force: Callable[[], object]) -> None:
    """The same for the provider of OTLP logs."""
    if not isinstance(_logs.get_logger_provider(), logs_internal.ProxyLoggerProvider):
        return
    if _replaceable(logs_internal, "_LOGGER_PROVIDER", "_set_logger_provider"):
        after_call(logs_internal, "_set_logger_provider", in_force)
        logs_internal._LOGGER_PROVIDER = own  # noqa: SLF001  see the module's docstring
    else:
        _logs.set_logger_provider(own)


def _replaceable(module: Any, held: str, setter: str) -> bool:
    return getattr(module, held, module) is None and callable(getattr(module, setter, None))
