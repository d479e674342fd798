"""Deterministic OTLP load: agent executions as encoded requests. Same arguments, same bytes.

Two shapes: `support_requests` (about ten spans an execution, about 1.5 KB a span) and `long_agent_requests`
(agents of many turns that send their whole history with every model call, as real agent loops do).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SYLLABLES = (
    "ka lo mi ter ven sul dor pa nex ri quo ban sti fe lum gar tho wi cer pol da ren mu shi bo tas el vi".split()
)
MS = 1_000_000


@dataclass(frozen=True)
class Request:
    """One encoded request, how many spans it carries, and the trace ids that end in it."""

    body: bytes
    spans: int
    trace_ids: tuple[str, ...]


class _Words:
    """Random text over a vocabulary of 4,000 made-up words: compresses like prose, unlike a list of sixty words."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        seed = random.Random(1)
        self._vocabulary = ["".join(seed.choices(SYLLABLES, k=seed.randint(1, 4))) for _ in range(4000)]
        self._weights = [1 / (rank + 10) for rank in range(4000)]

    def text(self, size: int) -> str:
        words = self._random.choices(self._vocabulary, self._weights, k=size // 4)
        return " ".join(words)[:size]


class _Builder:
    def __init__(self, seed: int, start_ns: int) -> None:
        self.random = random.Random(seed)
        self.words = _Words(self.random)
        self.start_ns = start_ns
        self._key = str(seed).encode()
        self._count = 0

    def identifier(self, size: int) -> bytes:
        self._count += 1
        return hashlib.blake2b(self._count.to_bytes(8, "big"), key=self._key, digest_size=size).digest()

    def span(self, trace_id: bytes, parent: bytes, name: str, start: int, end: int, attributes: dict) -> Span:
        span = Span(
            trace_id=trace_id, span_id=self.identifier(8), parent_span_id=parent, name=name,
            kind=Span.SPAN_KIND_INTERNAL, start_time_unix_nano=start, end_time_unix_nano=end,
        )  # fmt: skip
        for key, value in attributes.items():
            pair = span.attributes.add(key=key)
            if isinstance(value, int):
                pair.value.int_value = value
            else:
                pair.value.string_value = value
        return span


def support_requests(executions: int, *, seed: int, start_ns: int, batch: int = 512) -> Iterator[Request]:
    """Requests of `batch` spans: one agent root, two retrievals, four model calls and four tool calls an execution."""
    builder = _Builder(seed, start_ns)
    yield from _requests((_support_execution(builder, index) for index in range(executions)), batch)


def long_agent_requests(executions: int, *, turns: int, seed: int, start_ns: int, batch: int = 64) -> Iterator[Request]:
    """Requests of agents that run `turns` model calls, each carrying all messages so far."""
    builder = _Builder(seed, start_ns)
    yield from _requests((_long_execution(builder, index, turns) for index in range(executions)), batch)


def _requests(executions: Iterator[list[Span]], batch: int) -> Iterator[Request]:
    pending: list[Span] = []
    for spans in executions:
        pending.extend(spans)
        while len(pending) >= batch:
            yield _encode(pending[:batch])
            del pending[:batch]
    if pending:
        yield _encode(pending)


def _encode(spans: list[Span]) -> Request:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for key, value in (("service.name", "support-agent"), ("service.version", "2026.11.1")):
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_spans.add()
    scope.scope.name = "bench.agent"
    scope.spans.extend(spans)
    roots = tuple(span.trace_id.hex() for span in spans if not span.parent_span_id)
    return Request(request.SerializeToString(), len(spans), roots)


def _support_execution(builder: _Builder, index: int) -> list[Span]:
    random_, words = builder.random, builder.words
    trace_id = builder.identifier(16)
    root_id = builder.identifier(8)
    start = builder.start_ns + index * 20 * MS
    session = {"session.id": f"session-{index // 3}"}
    question = words.text(300)
    spans: list[Span] = []
    at = start + MS
    for _ in range(2):
        documents = [
            {"id": f"doc-{random_.randrange(5000)}", "score": 0.5, "content": words.text(250)} for _ in range(3)
        ]
        spans.append(builder.span(trace_id, root_id, "retrieval policies", at, at + 30 * MS, {
            "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": question[:80],
            "gen_ai.retrieval.documents": json.dumps(documents), **session}))  # fmt: skip
        at += 31 * MS
    for turn in range(4):
        call = f"call-{index}-{turn}"
        tool = random_.choice(("lookup_order", "issue_refund", "send_external_email"))
        asked = {"type": "tool_call", "id": call, "name": tool, "arguments": {"order_id": f"A-{index}"}}
        spans.append(builder.span(trace_id, root_id, "chat gpt-4o-mini", at, at + 700 * MS, {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini", "gen_ai.response.id": f"r-{index}-{turn}",
            "gen_ai.usage.input_tokens": 400 + turn, "gen_ai.usage.output_tokens": 40,
            "gen_ai.input.messages": json.dumps([
                {"role": "system", "parts": [{"type": "text", "content": "You are a careful support agent."}]},
                {"role": "user", "parts": [{"type": "text", "content": question + words.text(900)}]}]),
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [asked], "finish_reason": "tool_call"}]),
            **session}))  # fmt: skip
        at += 701 * MS
        span = builder.span(trace_id, root_id, f"execute_tool {tool}", at, at + 90 * MS, {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.call.id": call,
            "gen_ai.tool.call.arguments": json.dumps({"order_id": f"A-{index}"}),
            "gen_ai.tool.call.result": json.dumps({"rows": [words.text(900)]}), **session})  # fmt: skip
        if turn == 3 and random_.random() < 0.1:
            span.status.code = Status.STATUS_CODE_ERROR
            span.status.message = "connection reset by peer"
        spans.append(span)
        at += 91 * MS
    root = builder.span(trace_id, b"", "invoke_agent support", start, at, {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", "input.value": question,
        "output.value": words.text(900), **session})  # fmt: skip
    root.span_id = root_id
    spans.append(root)
    return spans


def _long_execution(builder: _Builder, index: int, turns: int) -> list[Span]:
    words = builder.words
    trace_id, root_id = builder.identifier(16), builder.identifier(8)
    start = at = builder.start_ns + index * 1000 * MS
    system = {"role": "system", "parts": [{"type": "text", "content": words.text(2000)}]}
    history: list[dict] = [system, {"role": "user", "parts": [{"type": "text", "content": words.text(600)}]}]
    spans: list[Span] = []
    for turn in range(turns):
        call = {"type": "tool_call", "id": f"c{turn}", "name": "search", "arguments": {"query": words.text(60)}}
        answer = {"role": "assistant", "parts": [{"type": "text", "content": words.text(200)}, call]}
        spans.append(builder.span(trace_id, root_id, "chat gpt-4o", at, at + 900 * MS, {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 900 * (turn + 1), "gen_ai.usage.output_tokens": 80,
            "gen_ai.input.messages": json.dumps(history), "gen_ai.output.messages": json.dumps([answer])}))  # fmt: skip
        at += 901 * MS
        result = words.text(1200)
        spans.append(builder.span(trace_id, root_id, "execute_tool search", at, at + 80 * MS, {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": f"c{turn}",
            "gen_ai.tool.call.arguments": json.dumps(call["arguments"]), "gen_ai.tool.call.result": result}))  # fmt: skip
        at += 81 * MS
        response = {"type": "tool_call_response", "id": f"c{turn}", "response": result}
        history += [answer, {"role": "tool", "parts": [response]}]
    root = builder.span(trace_id, b"", "invoke_agent researcher", start, at, {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher"})  # fmt: skip
    root.span_id = root_id
    spans.append(root)
    return spans
