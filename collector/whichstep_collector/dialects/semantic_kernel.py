"""Semantic Kernel: GenAI names over several scopes; its loop around model calls and functions is no step.

An agent of an orchestration puts an empty `instructions_override` among the arguments of every function.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.fields import Field
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_LOOP: Final = "AutoFunctionInvocationLoop"
_OVERRIDE: Final = "instructions_override"


def _kind(span: ReceivedSpan) -> Kind | None:
    return Kind("none") if span.name == _LOOP else kind_of_operation(span)


def _finish_reason(value: Any) -> str | None:
    """`FinishReason.TOOL_CALLS,FinishReason.STOP`, as Python shows them: the first, in the words of the others."""
    found = coerce.first_text(value)
    return found.removeprefix("FinishReason.").lower() if found else None


def _unwrap_arguments(value: Any) -> Any:
    """What the model asked with: the value as it is, or without the orchestration's own argument."""
    found = parse_json(value) if isinstance(value, str) and _OVERRIDE in value else value
    if not isinstance(found, dict) or found.get(_OVERRIDE, value) is not None:
        return value
    return {name: given for name, given in found.items() if name != _OVERRIDE}


DIALECT = Dialect(
    "semantic_kernel",
    recognised_by(scope_starts=("semantic_kernel",), key_starts=("sk.",)),
    _kind,
    fields=(Field("finish_reason", _finish_reason, ("gen_ai.response.finish_reason",)),),
    unwrap_arguments=_unwrap_arguments,
)
