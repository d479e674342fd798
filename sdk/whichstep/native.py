"""Switches on what frameworks trace of themselves, where that takes a call. One function a framework of the table.

Each is called once, after the program has imported the framework, and leaves alone what the program decided itself.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

SEMANTIC_KERNEL: Final = "semantic_kernel.utils.telemetry."
SEMANTIC_KERNEL_MESSAGES: Final = f"{SEMANTIC_KERNEL}model_diagnostics.decorators"


def switch(name: str, provider: TracerProvider | None, *, content: bool) -> None:
    """Call the function of this module with that name.

    Args:
        name: As the table has it.
        provider: The tracer provider to record with; None for the global one.
        content: Whether prompts, answers, arguments and results may be recorded.
    """
    _SWITCHES[name](provider, content)


def _pydantic_ai(provider: TracerProvider | None, content: bool) -> None:  # noqa: FBT001  the signature of all
    agent = import_module("pydantic_ai").Agent
    if not getattr(agent, "_instrument_default", False):
        settings = import_module("pydantic_ai.models.instrumented").InstrumentationSettings
        agent.instrument_all(settings(tracer_provider=provider, include_content=content))


def _agent_framework(_provider: TracerProvider | None, _content: bool) -> None:  # noqa: FBT001
    if "ENABLE_INSTRUMENTATION" not in os.environ or _true("ENABLE_INSTRUMENTATION"):
        import_module("agent_framework.observability").enable_instrumentation()  # it reads ENABLE_SENSITIVE_DATA again


def _ag2(provider: TracerProvider | None, content: bool) -> None:  # noqa: FBT001
    """Give each agent that is made from now on the telemetry middleware, unless its author has."""
    agent = import_module("ag2").Agent
    middleware = import_module("ag2.middleware").TelemetryMiddleware
    original = agent.__init__

    @functools.wraps(original)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807  it takes that method's place
        original(self, *arguments, **options)
        if not any(isinstance(entry.middleware, middleware) for entry in self.middleware):
            self.insert_middleware(
                middleware(
                    tracer_provider=provider,
                    capture_content=content,
                    agent_name=self.name,
                    provider_name=_ag2_provider(self.config),
                    model_name=getattr(self.config, "model", None),
                )
            )

    agent.__init__ = __init__


def _ag2_provider(config: object) -> str | None:
    """`openai` of a configuration class in `ag2.config.openai`."""
    path = type(config).__module__.split(".")
    return path[2] if path[:2] == ["ag2", "config"] and len(path) > 2 else None


def _semantic_kernel(_provider: TracerProvider | None, content: bool) -> None:  # noqa: FBT001
    """What the environment says, said again to modules that read it when they were imported; and hear its messages."""
    prefix = "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS"
    for name, module in list(sys.modules.items()):
        settings = getattr(module, "MODEL_DIAGNOSTICS_SETTINGS", None) if name.startswith(SEMANTIC_KERNEL) else None
        if settings is not None:
            settings.enable_otel_diagnostics = _true(prefix)
            settings.enable_otel_diagnostics_sensitive = _true(f"{prefix}_SENSITIVE")
    messages = logging.getLogger(SEMANTIC_KERNEL_MESSAGES)
    if content and not any(isinstance(handler, MessageHandler) for handler in messages.handlers):
        messages.addHandler(MessageHandler(messages.getEffectiveLevel()))
        messages.setLevel(logging.INFO)
        messages.propagate = False


def _true(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


class MessageHandler(logging.Handler):
    """Sends the messages that Semantic Kernel logs as records of Python's logging on as OTLP events.

    They are logged at a level that most applications do not show; whoever shows it still gets them.
    """

    def __init__(self, shown_level: int) -> None:
        super().__init__(logging.INFO)
        self._shown_level = shown_level

    def emit(self, record: logging.LogRecord) -> None:
        """Put the message into OTLP logs, then hand it to the application's own handlers if they would have had it."""
        logs = import_module("opentelemetry._logs")
        name = str(record.__dict__.get("event.name") or "")
        if name:
            attributes = {key: value for key, value in record.__dict__.items() if key.startswith("gen_ai.")}
            logs.get_logger(record.name).emit(
                logs.LogRecord(
                    timestamp=int(record.created * 1e9),
                    body=record.getMessage(),
                    attributes={**attributes, "event.name": name},
                )
            )
        parent = logging.getLogger(record.name).parent
        if parent is not None and record.levelno >= self._shown_level:
            parent.callHandlers(record)


_SWITCHES: Final[dict[str, Callable[[TracerProvider | None, bool], None]]] = {
    "pydantic_ai": _pydantic_ai,
    "agent_framework": _agent_framework,
    "ag2": _ag2,
    "semantic_kernel": _semantic_kernel,
}
