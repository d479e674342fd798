"""Whatever a sender writes: no request makes the normaliser raise, misread a row or lose a raw value.

Two fuzzers: attributes of any type under the names that the dialects know, and recorded requests with bytes, values
and names changed. Both are bounded, so that the suite stays quick.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rows import batch_of, restored

import captures
from builders import event, request, span
from whichstep_collector.decode import Undecodable, decode_traces
from whichstep_collector.dialects import DIALECTS
from whichstep_collector.normalise import normalise_traces
from whichstep_collector.normalising.fields import FIELDS, TEXT_KEYS

RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "otlp").glob("*/*.traces.pb"))
RECORDED += [path for folder in captures.all_captures()[::9] for path in sorted(folder.glob("*.traces.pb"))[:1]]
MUTATIONS = 12

_TABLES = [TEXT_KEYS, *(dialect.texts for dialect in DIALECTS)]
KNOWN = sorted(
    {key for field in FIELDS for key in field.keys}
    | {key for dialect in DIALECTS for field in dialect.fields for key in field.keys}
    | {key for table in _TABLES for keys in table for key in keys}
    | {
        "openinference.span.kind", "gen_ai.operation.name", "mlflow.spanType", "mlflow.chat.tokenUsage", "ag2.span.type",
        "langfuse.observation.type", "langsmith.span.kind", "traceloop.span.kind", "traceloop.entity.name", "span.type",
        "genkit:metadata:subtype", "lmnr.span.type", "ai.operationId", "mcp.method.name", "metadata", "error.type",
        "haystack.component.type", "haystack.component.name", "crewai.subject", "logfire.span_type", "logfire.level_num",
        "llm.input_messages.0.message.role", "llm.input_messages.0.message.content", "gen_ai.prompt.0.role",
        "gen_ai.prompt.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "llm.tools.0.tool.json_schema",
        "retrieval.documents.0.document.content", "retrieval.documents.0.document.score", "gen_ai.input.messages",
        "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions", "whichstep.execution.id",
        "whichstep.metadata.x", "whichstep.control_flow", "http.response.status_code",
    }
)  # fmt: skip
SCOPES = [
    "", "openinference.instrumentation.haystack", "openinference.instrumentation.llama_index", "langsmith", "ai",
    "openinference.instrumentation.dspy", "openinference.instrumentation.smolagents", "com.anthropic.claude_code.tracing",
    "mlflow.tracing.provider", "strands.telemetry.tracer", "gcp.vertex.agent", "pydantic-ai", "genkit-tracer", "codex",
    "semantic_kernel.x", "agent_framework", "autogen-core", "opentelemetry.instrumentation.ag2", "opentelemetry.instrumentation.agno",
    "litellm", "openinference.instrumentation.google_adk", "logfire.openai", "livekit-agents",
]  # fmt: skip
NAMES = [
    "chat m",
    "claude_code.tool",
    "haystack.component.run",
    "Agent.run",
    "a.retrieve",
    "tools/call x",
    "x.tool",
    "\x00",
]
TEXTS = [
    "", "{", "[]", "{}", "null", '"x"', '"', "[1,2", '[{"role":[],"parts":{}}]', '{"messages":[[{"lc":1,"kwargs":7}]]}',
    '{"choices":[{"message":{"role":{},"content":[{"type":7}]}}]}', '{"replies":["ChatMessage(_role=1, _content=[f()])"]}',
    '{"args":"x","kwargs":[]}', '{"output":{"output":{"output":[]}}}', '{"generations":[[1,{"message":[]}]]}', "NaN",
    "ChatMessage(" + "[" * 500, "{'a': " * 60 + "1" + "}" * 60, "-" * 5000 + "1", '{"documents":[1,"x",{"score":"x"}]}',
    '{"input_tokens":1e400,"output_tokens":-1}', '{"meta":{"usage":[1]}}', "\ud7ff\U0001f600", "TOOL", '"TOOL"', "LLM",
]  # fmt: skip

ODD: list[Any] = [None, True, -1, 2**63 - 1, float("nan"), b"\xff", [], {}, [[1]], {"a": {"b": [1]}}, *TEXTS]
STEPS = [
    {"mlflow.spanType": '"TOOL"'}, {"mlflow.spanType": '"CHAT_MODEL"'}, {"mlflow.spanType": '"RETRIEVER"'},
    {"mlflow.spanType": '"AGENT"'}, {"openinference.span.kind": "TOOL"}, {"openinference.span.kind": "LLM"},
    {"openinference.span.kind": "AGENT"}, {"openinference.span.kind": "CHAIN"}, {"openinference.span.kind": "RETRIEVER"},
    {"gen_ai.operation.name": "chat"}, {"gen_ai.operation.name": "execute_tool"}, {"gen_ai.operation.name": "retrieval"},
    {"gen_ai.operation.name": "invoke_agent"}, {"traceloop.span.kind": "tool"}, {"traceloop.span.kind": "workflow"},
    {"langfuse.observation.type": "generation"}, {"langfuse.observation.type": "tool"}, {"langsmith.span.kind": "llm"},
    {"langsmith.span.kind": "chain"}, {"langsmith.span.kind": "retriever"}, {"genkit:metadata:subtype": "model"},
    {"genkit:metadata:subtype": "tool"}, {"lmnr.span.type": "LLM"}, {"lmnr.span.type": "TOOL"}, {"span.type": "tool"},
    {"haystack.component.type": "OpenAIGenerator"}, {"haystack.component.type": "X"}, {"mcp.method.name": "tools/call"},
    {"ai.operationId": "ai.generateText.doGenerate"}, {"ai.operationId": "ai.toolCall"}, {"ag2.span.type": "human_input"},
]  # fmt: skip
TEXT_NAMES = sorted(
    {key for table in _TABLES for keys in table for key in keys} | {"gen_ai.input.messages", "gen_ai.output.messages"}
)

leaves = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=20)
    | st.sampled_from(TEXTS) | st.text(max_size=30)
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
attribute_trees = st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=20), values, max_size=12)


def check(batch: Any) -> None:
    """Rows fit their schema, none was given up, and every raw attribute is there."""
    for part in batch:
        part.validate(full=True)
    for row in batch.spans.to_pylist():
        assert "unread" not in row["flags"], row["name"]
        if not row["synthetic"]:
            told = restored(batch, row)
            told.pop("otel.status_description", None)
            assert len(told) == row["attribute_count"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SCOPES), st.sampled_from(NAMES), attribute_trees, attribute_trees)
def test_any_value_under_any_name_makes_a_row_and_is_kept(scope, name, attributes, of_event):
    events = [event(each, **of_event) for each in ("gen_ai.choice", "gen_ai.tool.message", "exception", "tool.output")]
    check(batch_of(request(span(name, parent=7, attributes=attributes, events=events), scope=scope)))


@pytest.mark.parametrize("key", KNOWN)
def test_no_known_name_is_undone_by_a_value_of_any_type(key):
    """Every name with every type and every odd text, under the scopes of all conventions."""
    spans = [span(NAMES[at % len(NAMES)], id=at + 1, attributes={key: value}) for at, value in enumerate(ODD)]
    check(batch_of(request(*spans, scope=SCOPES[KNOWN.index(key) % len(SCOPES)])))


@pytest.mark.parametrize("scope", SCOPES)
def test_no_step_of_any_convention_is_undone_by_its_texts(scope):
    """Every step with odd values under all names that may hold a text, and in its events."""
    each = [(step, value) for step in STEPS for value in ODD][SCOPES.index(scope) % 4 :: 4]
    spans = [
        span(NAMES[at % len(NAMES)], id=at + 1, attributes={**dict.fromkeys(TEXT_NAMES[at % 3 :: 3], value), **step},
             events=[event("gen_ai.choice", message=value, content=value), event("gen_ai.tool.message", content=value)])
        for at, (step, value) in enumerate(each)
    ]  # fmt: skip
    check(batch_of(request(*spans, scope=scope)))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recorded_request_with_anything_changed_is_refused_as_a_whole_or_read(path):
    body, dice = path.read_bytes(), random.Random(path.parent.name)
    for mutation in range(MUTATIONS):
        changed = bytearray(body)
        for _ in range(1 + mutation):
            at = dice.randrange(len(changed))
            if dice.random() < 0.8:
                changed[at] = dice.randrange(256)
            else:
                del changed[at : at + dice.randrange(1, 9)]
        try:
            received = decode_traces(bytes(changed), json=False)
        except Undecodable:
            continue
        check(normalise_traces(received, received_at=1_800_000_000_000_000_000))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recorded_request_with_its_values_exchanged_is_read(path):
    sent = ExportTraceServiceRequest.FromString(path.read_bytes())
    dice = random.Random(path.parent.name)
    pairs = [
        pair
        for resource in sent.resource_spans
        for scope in resource.scope_spans
        for one in scope.spans
        for pair in one.attributes
    ]
    for _ in range(MUTATIONS // 4):
        for pair in dice.sample(pairs, len(pairs) // 3):
            other = dice.choice(pairs)
            if dice.random() < 0.5:
                pair.value.CopyFrom(other.value)
            else:
                pair.value.string_value = dice.choice(TEXTS)
        check(
            normalise_traces(decode_traces(sent.SerializeToString(), json=False), received_at=1_800_000_000_000_000_000)
        )
