"""The same spans and log events, in any order, split into any requests, some of them sent twice: the same results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import RECEIVED, START, log, log_request, request, span
from whichstep_analytics.job import Recomputed, recompute
from whichstep_analytics.jobs import frames
from whichstep_analytics.prices import default_prices
from whichstep_analytics.runner import JobRunner
from whichstep_collector.decode import decode_logs, decode_traces
from whichstep_collector.normalise import normalise_logs, normalise_traces
from whichstep_store.batches import Batch
from whichstep_store.results import NEIGHBOUR_FIELDS
from whichstep_store.store import Store

SECOND = 10**9
Piece = tuple[str, Any]
"""The scope, and one span or log record."""
LOOKUP, REFUND = "call_586f3f450d7df2ecea61", "call_8a460bb5192e0c8bcf5d"


def at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def client_with_log_events() -> list[Piece]:
    """Two calls of a plain client, each a trace of its own, with a log event a message; one result is an error."""
    scope = "opentelemetry.instrumentation.openai_v2"
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5}
    asked = {"tool_calls": [{"id": LOOKUP, "type": "function", "function": {"name": "lookup", "arguments": "{}"}}]}
    records = [
        log("gen_ai.user.message", trace=1, id=1, at=at(0.1), body={"content": "where is it?"}),
        log("gen_ai.choice", trace=1, id=1, at=at(0.9), body={"message": {"role": "assistant", **asked}}),
        log("gen_ai.user.message", trace=2, id=2, at=at(2.1), body={"content": "where is it?"}),
        log("gen_ai.assistant.message", trace=2, id=2, at=at(2.2), body=asked),
        log(
            "gen_ai.tool.message", trace=2, id=2, at=at(2.3), body={"content": "TimeoutError: no answer", "id": LOOKUP}
        ),
        log("gen_ai.choice", trace=2, id=2, at=at(2.9), body={"message": {"role": "assistant", "content": "sorry"}}),
    ]
    spans = [
        span("chat m", trace=1, id=1, kind=3, start=at(0), end=at(1), attributes=attributes),
        span("chat m", trace=2, id=2, kind=3, start=at(2), end=at(3), attributes=attributes),
    ]
    return [(scope, piece) for piece in (*spans, *records)]


def agent_that_waits_for_approval() -> list[Piece]:
    """A run that ends asking for an approval, and another trace of the same conversation that runs the call."""
    scope = "pydantic-ai"
    session = {"gen_ai.conversation.id": "s"}
    result = orjson.dumps({"calls": [], "approvals": [{"tool_name": "refund", "args": "{}", "tool_call_id": REFUND}]})
    user = {"role": "user", "parts": [{"type": "text", "content": "refund me"}]}
    asked = {"role": "assistant", "parts": [{"type": "tool_call", "id": REFUND, "name": "refund", "arguments": {}}]}
    done = {"role": "tool", "parts": [{"type": "tool_call_response", "id": REFUND, "response": "ok"}]}

    def agent(trace: int, number: int, start: float, answer: str) -> Any:
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "a",
            "final_result": answer,
            **session,
        }
        return span("invoke_agent a", trace=trace, id=number, start=at(start), end=at(start + 5), attributes=attributes)

    def call(trace: int, number: int, start: float, messages: list[Any], output: Any) -> Any:
        attributes = {
            "gen_ai.operation.name": "chat", "gen_ai.input.messages": orjson.dumps(messages).decode(),
            "gen_ai.output.messages": orjson.dumps([output]).decode(), **session,
        }  # fmt: skip
        return span(
            "chat m",
            trace=trace,
            id=number,
            parent=number - 1,
            start=at(start),
            end=at(start + 1),
            attributes=attributes,
        )

    ran = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", "gen_ai.tool.call.id": REFUND}
    ran |= {"gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "ok", **session}
    says = {"role": "assistant", "parts": [{"type": "text", "content": "refunded"}]}
    spans = [
        agent(11, 1, 0, result.decode()), call(11, 2, 1, [user], asked), agent(12, 4, 60, "refunded"),
        span("execute_tool refund", trace=12, id=3, parent=4, start=at(61), end=at(62), attributes=ran),
        call(12, 5, 63, [user, asked, done], says),
    ]  # fmt: skip
    return [(scope, piece) for piece in spans]


def agent_with_contents_in_logs() -> list[Piece]:
    """An agent whose spans say nothing of contents: they are in log events, tools' results in the next call's."""
    scope = "gcp.vertex.agent"
    invocation = {"gcp.vertex.agent.invocation_id": "e-1"}
    user = {"role": "user", "parts": [{"type": "text", "content": "where is it?"}]}
    asked = {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "t_1", "name": "lookup", "arguments": {"id": 7}}],
    }
    given = {"role": "user", "parts": [{"type": "tool_call_response", "id": "t_0", "response": {"result": "here"}}]}

    def call(number: int, start: float) -> Any:
        attributes = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "m", **invocation}
        return span(
            "generate_content m",
            trace=21,
            id=number,
            parent=1,
            start=at(start),
            end=at(start + 1),
            attributes=attributes,
        )

    def event(number: int, seconds: float, messages: list[Any], output: Any) -> Any:
        attributes = {
            "gen_ai.input.messages": messages,
            "gen_ai.output.messages": [output],
            "user.id": "u",
            **invocation,
        }
        name = "gen_ai.client.inference.operation.details"
        return log(name, trace=21, id=number, at=at(seconds), attributes=attributes)

    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "lookup",
        "gen_ai.tool.call.id": f"adk-{LOOKUP}",
    }
    says = {"role": "assistant", "parts": [{"type": "text", "content": "here it is"}]}
    root = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    pieces = [
        span("invoke_agent a", trace=21, id=1, start=at(0), end=at(9), attributes=root), call(2, 1),
        span("execute_tool lookup", trace=21, id=3, parent=1, start=at(3), end=at(4), attributes=tool), call(4, 5),
        event(2, 1.9, [user], asked), event(4, 5.9, [user, asked, given], says),
    ]  # fmt: skip
    return [(scope, piece) for piece in pieces]


SCENES = {
    "client": (client_with_log_events(), ["llm_call", "tool_call", "llm_call"]),
    "approval": (agent_that_waits_for_approval(), ["agent", "llm_call", "approval", "agent", "tool_call", "llm_call"]),
    "logs": (agent_with_contents_in_logs(), ["agent", "llm_call", "tool_call", "llm_call"]),
}


def batch_of(scope: str, pieces: Sequence[Any]) -> Batch:
    if hasattr(pieces[0], "severity_number"):
        body = log_request(*pieces, scope=scope).SerializeToString()
        return normalise_logs(decode_logs(body, json=False), received_at=RECEIVED)
    body = request(*pieces, scope=scope).SerializeToString()
    return normalise_traces(decode_traces(body, json=False), received_at=RECEIVED)


def requests_of(pieces: Sequence[Piece], cuts: Sequence[bool]) -> list[Batch]:
    """Requests of neighbours of one kind and scope; where `cuts` says so, a new one is begun."""
    groups: list[tuple[str, list[Any]]] = []
    for (scope, piece), cut in zip(pieces, cuts, strict=True):
        fits = groups and groups[-1][0] == scope and type(groups[-1][1][0]) is type(piece)
        if fits and not cut:
            groups[-1][1].append(piece)
        else:
            groups.append((scope, [piece]))
    return [batch_of(scope, members) for scope, members in groups]


def computed(batches: list[Batch]) -> Recomputed:
    return recompute(
        frames.batch_spans(batches),
        frames.batch_evaluations(batches),
        frames.empty(NEIGHBOUR_FIELDS),
        prices=default_prices(),
        as_of=RECEIVED + 60 * SECOND,
    )


@pytest.mark.parametrize("scene", SCENES)
def test_each_scene_is_one_execution_with_the_steps_that_happened(scene):
    pieces, kinds = SCENES[scene]
    found = computed(requests_of(pieces, [False] * len(pieces)))
    assert found.executions.height == 1
    assert found.steps["type"].to_list() == kinds
    assert found.executions["status"].to_list() == ["ok"]
    tools = found.steps.filter(pl.col("type") == "tool_call")
    assert (
        tools.select("tool", "result", "error_type").rows()
        == {
            "client": [("lookup", "TimeoutError: no answer", "TimeoutError")],
            "approval": [("refund", "ok", None)],
            "logs": [("lookup", "here", None)],
        }[scene]
    )


@pytest.mark.parametrize("scene", SCENES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_order_splits_and_repetition_of_requests_change_nothing(scene, data):
    pieces, _ = SCENES[scene]
    expected = computed(requests_of(pieces, [False] * len(pieces)))
    again = data.draw(st.lists(st.sampled_from(range(len(pieces))), max_size=4), label="sent twice")
    order = data.draw(st.permutations([*range(len(pieces)), *again]), label="order")
    cuts = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)), label="cuts")
    found = computed(requests_of([pieces[number] for number in order], cuts))
    for name, one, other in zip(Recomputed._fields, found, expected, strict=True):
        assert one.equals(other), (name, one, other)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_a_store_that_computes_after_every_request_comes_to_the_same(scene, backwards, tmp_path):
    pieces, kinds = SCENES[scene]
    batches = requests_of(pieces, [True] * len(pieces))
    with Store.open(tmp_path) as store:
        jobs = JobRunner(store, clock=lambda: RECEIVED + 60 * SECOND)
        for batch in reversed(batches) if backwards else batches:
            store.writer.load([batch], None)
            jobs.drain()
        steps = store.reader.sql("select type, execution_id from steps order by position").to_pylist()
        assert [step["type"] for step in steps] == kinds
        assert len({step["execution_id"] for step in steps}) == 1
        assert store.reader.sql("select count(*) as spans from spans").to_pylist() == [
            {"spans": sum(not hasattr(piece, "severity_number") for _, piece in pieces)}
        ]
        whole = store.reader.step_content([steps[0]["execution_id"]]).to_pylist()
    calls = [orjson.loads(text["text"]) for text in whole if text["field"] == "input" and text["text"].startswith("[")]
    assert max((len(messages) for messages in calls), default=0) == 3
