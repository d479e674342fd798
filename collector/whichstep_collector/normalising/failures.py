"""Whether a span failed, how, and whether what looks like a failure is control flow.

Frameworks raise exceptions to pause for a person or to hand over; those are told by exception type or by the text that
starts the message, and are never errors. A recorded exception on a span that says OK was handled. Names of types lose
their module, so that one failure is one failure under every instrumentation.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from whichstep.attributes import CONTROL_FLOW
from whichstep_collector.normalising.contents import preview
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.received import ReceivedSpan

_CONTROL_TYPES: Final = {
    "GraphInterrupt": "interrupt",
    "NodeInterrupt": "interrupt",
    "ParentCommand": "handoff",
    "GraphBubbleUp": "interrupt",
    "WaitingForEvent": "interrupt",
    "ApprovalRequired": "approval",
    "CallDeferred": "approval",
    "ApprovalPending": "approval",
    "CancelledError": "cancelled",
    "GeneratorExit": "cancelled",
}
_FLOWS: Final = frozenset(_CONTROL_TYPES.values())
_UNTYPED: Final = "_OTHER"
"""What the conventions have for an error whose type is not known."""
_CONTROL_PREFIXES: Final = (
    ("(Interrupt(", "interrupt"), ("Command(", "handoff"), ("This tool call requires confirmation", "approval"),
)  # fmt: skip
_QUALIFIED: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$<][\w$>]*)+")
_CLASS_REPR: Final = re.compile(r"<class '([^']+)'>")
_TYPED_MESSAGE: Final = re.compile(
    r"([A-Z][A-Za-z0-9_]*(?:Error|Exception|Timeout|Failure|Exceeded|Interrupt|Warning)?)(?:: |\((?=['\"]))"
)
_TRACEBACK: Final = "Traceback (most recent call last)"
_SHOWN: Final = re.compile(rf"(?P<type>[A-Za-z_]\w*)\((?P<arguments>.*?)\)\s*{re.escape(_TRACEBACK)}", re.DOTALL)
"""`ValueError('no such order')Traceback (most recent call last):…`"""
_GAP: Final = re.compile(r"\n\n")
_STACK: Final = re.compile(r"([A-Za-z_$][\w$]*): ")
_LIKELY_TYPE: Final = re.compile(r"[A-Z]\w*(?:Error|Exception|Timeout|Failure|Exceeded|Interrupt)")


class Failure(NamedTuple):
    """What went wrong, if anything."""

    error: bool = False
    error_type: str | None = None
    error_message: str | None = None
    control_flow: str | None = None


NO_FAILURE: Final = Failure()


def read_failure(span: ReceivedSpan, *, hint: str | None = None) -> Failure:
    """The failure of a span. `hint` is a tool's own word that it failed, None where it gave none."""
    if flow := _said(span.attributes.get(CONTROL_FLOW)):
        return Failure(control_flow=flow if flow in _FLOWS else "cancelled")
    exception = next((event for event in reversed(span.events) if event.name == "exception"), None)
    values = exception.attributes if exception else {}
    given = span.attributes.get("error.type")
    if span.status != 2 and exception is None and given is None and hint is None:
        return NO_FAILURE
    exception_type, exception_message = _raised(values)
    if flow := _control_flow(short_type(exception_type), exception_message, span.status_message, hint):
        return Failure(control_flow=flow)
    if (
        span.status != 2
        and given is None
        and hint is None
        and not _escaped(span, exception.time if exception else 0, values)
    ):
        return NO_FAILURE
    error_type = (
        short_type(None if given == _UNTYPED else _said(given))
        or short_type(exception_type)
        or _type_in(span.status_message)
        or _type_in(hint or "")
        or _http_status(span)
    )
    message = _message(span.status_message, exception_message, _said(span.attributes.get("error.message")), hint)
    return Failure(error=True, error_type=error_type, error_message=_tidy(message, error_type))


def _raised(values: dict[str, Any]) -> tuple[str | None, str | None]:
    """Type and message. An error that was kept as text is recorded as an Exception; its text begins with its repr."""
    given, message = _said(values.get("exception.type")), _said(values.get("exception.message"))
    if given is None and message:
        return _before_stack(message)
    shown = _SHOWN.match(message) if given == "Exception" and message else None
    if shown is None:
        return given, message
    said = read_python(shown["arguments"])
    return shown["type"], said if isinstance(said, str) and said else shown["arguments"]


def _before_stack(text: str) -> tuple[str | None, str]:
    """Type and message out of a message with JavaScript's stack after it, which begins with both."""
    for gap in _GAP.finditer(text):
        named = _STACK.match(text, gap.end())
        if named and text.startswith(text[: gap.start()], named.end()):
            return named[1], text[: gap.start()]
    return None, text


def short_type(said: str | None) -> str | None:
    """A type without its module: `openai.InternalServerError` is `InternalServerError`."""
    if not said:
        return None
    if match := _CLASS_REPR.fullmatch(said):
        said = match[1]
    return said.rsplit(".", 1)[1] if _QUALIFIED.fullmatch(said) else said[:256]


def _said(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _control_flow(exception_type: str | None, *texts: str | None) -> str | None:
    if exception_type in _CONTROL_TYPES:
        return _CONTROL_TYPES[exception_type]
    for text in texts:
        for prefix, flow in _CONTROL_PREFIXES:
            if text and text.startswith(prefix):
                return flow
        if text and not exception_type:
            named = _LIKELY_TYPE.match(text) or re.match(r"\w+", text)
            if named and named[0] in _CONTROL_TYPES:
                return _CONTROL_TYPES[named[0]]
    return None


def _escaped(span: ReceivedSpan, exception_time: int, values: dict[str, Any]) -> bool:
    """An exception alone is a failure only if it left the span: it says so, or the span ended there without a word."""
    if span.status == 1:
        return False
    if str(values.get("exception.escaped")).lower() == "true":
        return True
    return bool(span.end) and exception_time >= span.end


def _type_in(message: str) -> str | None:
    match = _TYPED_MESSAGE.match(message)
    return match[1] if match and (_LIKELY_TYPE.fullmatch(match[1]) or _TRACEBACK in message) else None


def _http_status(span: ReceivedSpan) -> str | None:
    for key in ("http.response.status_code", "http.status_code"):
        value = span.attributes.get(key)
        if isinstance(value, int) and value >= 400:
            return str(value)
    return None


def _message(status: str, exception: str | None, given: str | None, hint: str | None) -> str | None:
    """The status message, unless it is a dump of the exception and the exception's own words are there."""
    if status and not (exception and (_TRACEBACK in status or exception in status)):
        return status
    return exception or status or given or hint or None


def _tidy(message: str | None, error_type: str | None) -> str | None:
    if message is None:
        return None
    message = message.split(_TRACEBACK, 1)[0].rstrip() or message
    if error_type and message.startswith(f"{error_type}: "):
        message = message[len(error_type) + 2 :]
    return None if message == f"{error_type}:" else preview(message)  # a type, and no words
