"""Agno under OpenLLMetry: agents and tools; what a tool gave back is told as Agno's own object, as Python text.

Model calls have no spans: an agent tells the sum of their tokens.
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep_collector.dialects import openllmetry
from whichstep_collector.dialects.base import Dialect, ToolResult, recognised_by
from whichstep_collector.normalising.python_text import read_python

_LENGTH_MAX: Final = 256 * 1024
_RESULT: Final = re.compile(
    r"status='(?P<status>success|failure)' result=(?P<result>.*) "
    r"error=(?P<error>None|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?: updated_session_state=.*)?",
    re.DOTALL,
)


def _unwrap_result(value: Any) -> ToolResult:
    said = _RESULT.fullmatch(value) if isinstance(value, str) and len(value) <= _LENGTH_MAX else None
    if said is None:
        return openllmetry.unwrap_result(value)
    result = read_python(said["result"])
    if result is None and said["result"] != "None":
        result = said["result"]  # an object that only Python knows
    failed = None if said["status"] == "success" else read_python(said["error"]) or ""
    return ToolResult(failed if result is None and failed is not None else result, failed=failed)


DIALECT = Dialect(
    "agno_openllmetry",
    recognised_by(scopes=("opentelemetry.instrumentation.agno",)),
    openllmetry.kind,
    unwrap_arguments=openllmetry.unwrap_arguments,
    unwrap_result=_unwrap_result,
    unwrap_task=openllmetry.unwrap_task,
    unwrap_query=openllmetry.unwrap_query,
    finish=openllmetry.finish,
)
