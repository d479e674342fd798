"""The Anthropic SDK's own spans and those of the hosted API, which continue the SDK's trace.

The API's request span stands under the SDK's of the same name: one model call. Dozens of spans of other requests
(`anthropic.messages.count_tokens`) say no operation and are no steps.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_PREFIX: Final = "anthropic."
_TOOL_USES: Final = ("anthropic.tool_use ", "anthropic.custom_tool_use ", "anthropic.mcp_tool_use ")


def _kind(span: ReceivedSpan) -> Kind | None:
    if not span.name.startswith(_PREFIX):
        return None
    if kind := kind_of_operation(span):
        return kind
    if span.name.startswith(_TOOL_USES):
        return Kind("tool_call", name=span.name.split(" ", 1)[1])
    return Kind("none")


DIALECT = Dialect(
    "anthropic_sdk",
    recognised_by(scope_starts=("com.anthropic.sdk", "com.anthropic.claude-platform"), key_starts=(_PREFIX,)),
    _kind,
    fields=(
        Field("finish_reason", coerce.first_text, ("gen_ai.response.finish_reasons", "anthropic.message.stop_reason")),
        Field("session_id", coerce.text, ("session.id", "gen_ai.conversation.id", "anthropic.session.id")),
    ),
    texts=TextKeys(results=("gen_ai.tool.call.result", "anthropic.tool_result.content")),
)
