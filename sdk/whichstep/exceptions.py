"""How an exception that leaves a step is told on its span: an error once, or control flow that is no error."""

from __future__ import annotations

import contextlib
import traceback
from typing import Final

from opentelemetry.trace import Span, StatusCode

from whichstep import attributes as names
from whichstep import values

CONTROL_FLOW: Final = {
    "GeneratorExit": "cancelled",
    "CancelledError": "cancelled",
    "KeyboardInterrupt": "cancelled",
    "SystemExit": "cancelled",
    "GraphInterrupt": "interrupt",
    "NodeInterrupt": "interrupt",
    "WaitingForEvent": "interrupt",
    "ParentCommand": "handoff",
    "ApprovalRequired": "approval",
    "CallDeferred": "approval",
    "ApprovalPending": "approval",
}
"""Exceptions by class name that leave a step without being an error: the language's own and the frameworks'."""
MESSAGE_CHARACTERS_MAX: Final = 4096
STACKTRACE_CHARACTERS_MAX: Final = 16_384
_RECORDED: Final = "_whichstep_recorded"


def control_flow(error: BaseException) -> str | None:
    """Why this exception is no error: interrupt, handoff, approval, cancelled; None when it is one."""
    for kind in type(error).__mro__:
        if kind.__name__ in CONTROL_FLOW:
            return CONTROL_FLOW[kind.__name__]
    return None if isinstance(error, Exception) else "cancelled"


def record_error(span: Span, error: BaseException, *, with_content: bool) -> bool:
    """Set status and error type, and the exception event where no step below has it: True where that is here."""
    message = error_message(error) if with_content else ""
    span.set_attribute(names.ERROR_TYPE, type_name(error))
    span.set_status(StatusCode.ERROR, message or None)
    if getattr(error, _RECORDED, False):
        return False
    span.add_event("exception", _event(error, message, with_content=with_content))
    with contextlib.suppress(AttributeError, TypeError):  # one without a __dict__ is recorded by each step it leaves
        setattr(error, _RECORDED, True)
    return True


def error_message(error: BaseException) -> str:
    """What the exception says, bounded; its type where it says nothing."""
    try:
        text = str(error) or type(error).__name__
    except Exception:  # noqa: BLE001  a foreign __str__ failed
        text = type(error).__name__
    return values.bounded(text, characters_max=MESSAGE_CHARACTERS_MAX).text


def type_name(error: BaseException) -> str:
    """The class as OpenTelemetry writes it: with its module, unless that is builtins."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _event(error: BaseException, message: str, *, with_content: bool) -> dict[str, str]:
    event = {"exception.type": type_name(error)}
    if with_content:
        stack = "".join(traceback.format_exception(error))[-STACKTRACE_CHARACTERS_MAX:]
        event["exception.message"] = message
        event["exception.stacktrace"] = values.bounded(stack, characters_max=STACKTRACE_CHARACTERS_MAX).text
    return event
