"""Records of other tools to steps: types, order, tokens, errors, sessions, evaluations; ids that never change."""

import copy
import csv
import io
import json
import random
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep_cli.imports.formats import FORMATS, NotTakenError
from whichstep_cli.imports.reading import Record, records
from whichstep_cli.imports.sending import Counts, Sender
from whichstep_cli.imports.steps import record_of, span_id_of, span_of, trace_id_of
from whichstep_cli.imports.values import messages_in, nanoseconds

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text()
SECOND = 10**9
AT = 1_790_000_000 * SECOND


def form_of(record):
    return next((form for form in FORMATS if form.recognises(record)), None)


def converted(value, header=None):
    record = Record(value, header or {})
    return form_of(record).convert(record)


def taken(name):
    with (FIXTURES / name).open("rb") as opened:
        return [form_of(record).convert(record) for record in records(opened)]


def steps(name):
    return [step for item in taken(name) for step in item.steps]


def test_every_example_of_the_page_is_recognised_as_what_its_section_says():
    sections = re.findall(r"## (\w+)\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)
    found = {
        title.lower(): form_of(Record(json.loads(example))).name
        for title, text in sections
        for example in re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    }
    assert found == {name: name for name in ("langfuse", "phoenix", "langsmith", "messages")}
    for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        assert converted(json.loads(text)).steps


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"id": "x"},
        {"steps": [], "status": "ok"},
        {"messages": []},
        {"messages": ["text"]},
        {"type": "GENERATION"},
        [],
        [1],
    ],
)
def test_other_json_is_no_record_of_any_format(value):
    assert form_of(Record(value)) is None


# Langfuse


@pytest.mark.parametrize("name", ["langfuse_observations.jsonl", "langfuse_observations.csv", "langfuse_api.json"])
def test_langfuse_observations_in_every_form_are_the_same_steps(name):
    agent, call, tool = [step for step in steps(name) if "whichstep.whole_trace" not in step.attributes]
    assert [step.type for step in (agent, call, tool)] == ["agent", "llm_call", "tool_call"]
    assert {step.trace_id for step in (agent, call, tool)} == {"ab" * 16}
    assert (call.parent_id, tool.parent_id, agent.parent_id) == (agent.span_id, agent.span_id, None)
    assert (agent.error, call.error, tool.error) == ("gateway down", None, "gateway down")
    attributes = call.attributes
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (100, 12)
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 40
    assert attributes["whichstep.usage.cost_usd"] == 0.0003
    assert attributes["gen_ai.request.temperature"] == 0.2
    assert agent.attributes["session.id"] == "conv-7"
    assert agent.attributes["whichstep.metadata.plan"] == "gold"
    assert tool.attributes["gen_ai.tool.call.arguments"] == {"order_id": "A-1"}
    first = taken(name)[0]
    assert (first.service, first.release, first.environment) == ("support-agent", "1.4.0", "prod")


def test_langfuse_scores_keep_the_source_that_is_claimed():
    found = [said for item in taken("langfuse_observations.jsonl") for said in item.evaluations]
    assert [(said.name, said.score, said.label, said.source, said.explanation) for said in found] == [
        ("helpful", 0.5, None, "HUMAN", "to the point"),
        ("tone", 1.0, "kind", "LLM", None),
    ]
    assert found[1].span_id == "a2" * 8


def langfuse_trace(**more):
    return {
        "id": "t-1", "timestamp": "2026-11-20T10:00:00.000Z", "name": "refund", "userId": "u1", "sessionId": "s1",
        "tags": ["vip"], "release": "1.4.0", "metadata": {"plan": "gold"}, "input": "Refund A-1", "output": "Done.",
        "observations": [], "scores": [], **more,
    }  # fmt: skip


def observation(own, **more):
    return {
        "id": own,
        "traceId": "t-1",
        "type": "SPAN",
        "name": own,
        "startTime": "2026-11-20T10:00:00.100Z",
        "endTime": "2026-11-20T10:00:00.200Z",
        **more,
    }


def test_a_langfuse_trace_is_the_same_with_its_observations_in_it_or_apart():
    inside = [observation("a"), observation("b", parentObservationId="a")]
    together = converted(langfuse_trace(observations=inside)).steps
    apart = [step for value in (langfuse_trace(observations=["a", "b"]), *inside) for step in converted(value).steps]
    assert together == apart
    record, root, child = together
    assert (record.attributes["whichstep.whole_trace"], record.parent_id, root.parent_id) == (True, None, None)
    assert (root.name, root.type, child.parent_id) == ("a", "workflow", root.span_id)
    assert (record.attributes["whichstep.input"], record.attributes["user.id"]) == ("Refund A-1", "u1")


def test_a_langfuse_trace_lasts_as_long_as_it_says():
    (told,) = converted(langfuse_trace(latency=0.5)).steps
    assert (told.end - told.start, "whichstep.step.index" in told.attributes) == (SECOND // 2, False)
    (untold,) = converted(langfuse_trace()).steps
    assert untold.attributes["whichstep.step.index"] == 0


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input": 100, "output": 10}, (100, 10)),
        ({"input": 60, "input_cached_tokens": 40, "output": 10, "total": 110}, (100, 10)),
        ({"input": 100, "input_cached_tokens": 40, "output": 10, "total": 110}, (100, 10)),
        ({"input": 5, "output": 4, "output_reasoning_tokens": 6, "total": 15}, (5, 10)),
        ({}, (None, None)),
    ],
)
def test_langfuse_tokens_are_inclusive_whether_their_kinds_hold_each_other_or_not(usage, tokens):
    (step,) = converted(observation("g", type="GENERATION", usageDetails=usage)).steps
    found = step.attributes
    assert (found.get("gen_ai.usage.input_tokens"), found.get("gen_ai.usage.output_tokens")) == tokens


def test_a_langfuse_score_of_a_session_is_said_to_be_left_out():
    with pytest.raises(NotTakenError, match="not of a trace"):
        converted(
            {"id": "s", "name": "n", "value": 1, "dataType": "NUMERIC", "timestamp": "2026-11-20", "sessionId": "x"}
        )


# LangSmith


def test_langsmith_runs_of_a_real_graph_are_its_steps():
    found = steps("langsmith_runs.jsonl")
    assert [(step.name, step.type) for step in found] == [
        ("support", "workflow"),
        ("model", "other"),
        ("GenericFakeChatModel", "llm_call"),
        ("tools", "other"),
        ("lookup_order", "tool_call"),
        ("model", "other"),
        ("GenericFakeChatModel", "llm_call"),
        ("tools", "other"),
        ("issue_refund", "tool_call"),
    ]
    ids = {step.span_id for step in found}
    assert [step.parent_id for step in found if step.parent_id not in ids] == [None]
    root, call, tool = found[0], found[2], found[8]
    assert (root.attributes["session.id"], root.attributes["user.id"]) == ("conv-7", "u1")
    assert root.attributes["whichstep.tags"] == ["vip"]
    assert call.attributes["gen_ai.usage.input_tokens"] == 100
    assert call.attributes["gen_ai.usage.cache_read.input_tokens"] == 40
    assert (tool.attributes["error.type"], tool.error) == ("RuntimeError", "gateway down")
    assert found[4].attributes["gen_ai.tool.call.id"] == "c1"
    assert {item.release for item in taken("langsmith_runs.jsonl")} == {"1.4.0"}


RUN = {
    "id": "0198a0aa-0000-7000-8000-000000000001", "trace_id": "0198a0aa-0000-7000-8000-000000000001", "name": "r",
    "run_type": "chain", "start_time": "2026-11-20T10:00:00", "end_time": "2026-11-20T10:00:01", "inputs": {"q": 1},
}  # fmt: skip


def test_langsmith_child_runs_are_steps_below_theirs():
    child = {**RUN, "id": "0198a0aa-0000-7000-8000-000000000002", "run_type": "retriever", "outputs": {"documents": []}}
    del child["trace_id"]
    root, retrieval = converted({**RUN, "child_runs": [child]}).steps
    assert (retrieval.parent_id, retrieval.trace_id, retrieval.type) == (root.span_id, root.trace_id, "retrieval")
    assert retrieval.attributes["gen_ai.retrieval.documents"] == "[]"


def test_langsmith_rows_with_json_text_are_read_like_objects():
    row = {
        **RUN,
        "run_type": "llm",
        "inputs": '{"messages": [[{"role": "user", "content": "Hi"}]]}',
        "extra": '{"metadata": {"thread_id": "t"}}',
    }
    (step,) = converted(row).steps
    assert json.loads(step.attributes["gen_ai.input.messages"]) == [{"role": "user", "content": "Hi"}]
    assert step.attributes["session.id"] == "t"


def test_langsmith_feedback_is_an_evaluation_of_its_run():
    said = {
        "id": "f", "created_at": "2026-11-20T10:00:00", "run_id": RUN["id"], "trace_id": RUN["id"], "key": "helpful", "score": True,
        "comment": "yes", "feedback_source": {"type": "app"},
    }  # fmt: skip
    (found,) = converted(said).evaluations
    (step,) = converted(RUN).steps
    assert (found.trace_id, found.span_id) == (step.trace_id, step.span_id)
    assert (found.score, found.source, found.explanation) == (1.0, "HUMAN", "yes")
    (average,) = converted({**RUN, "feedback_stats": {"helpful": {"n": 2, "avg": 0.5}}}).evaluations
    assert (average.score, average.explanation) == (0.5, "average of 2 statements")


# Inspect


def test_inspect_samples_of_a_real_log_are_executions_of_purpose_dataset():
    first, second = taken("inspect.eval")
    kinds = [(step.type, step.name) for step in first.steps]
    assert kinds == [
        ("workflow", "refunds"),
        ("other", "react"),
        ("agent", "support"),
        ("evaluation", "includes"),
        ("llm_call", "model"),
        ("tool_call", "lookup_order"),
        ("llm_call", "model"),
        ("tool_call", "issue_refund"),
        ("llm_call", "model"),
        ("tool_call", "submit"),
    ]
    root = first.steps[0]
    assert root.attributes["whichstep.purpose"] == "dataset"
    assert json.loads(root.attributes["whichstep.expectation"]) == {"output": "refund of A-1"}
    assert root.attributes["whichstep.metadata.customer"] == "x"
    assert all(root.start <= step.start <= step.end <= root.end for step in first.steps)
    assert first.steps[7].error == "gateway down"
    assert [(said.name, said.score, said.label, said.source) for said in first.evaluations + second.evaluations] == [
        ("includes", 1.0, "C", "CODE"),
        ("includes", 0.0, "I", "CODE"),
    ]


def test_inspect_inputs_come_out_of_pool_and_attachments():
    calls = [step for step in taken("inspect.eval")[0].steps if step.type == "llm_call"]
    inputs = [json.loads(step.attributes["gen_ai.input.messages"]) for step in calls]
    assert [len(messages) for messages in inputs] == [2, 4, 6]
    assert inputs[0][0]["parts"][0]["content"].startswith("You help.")
    assert [message["role"] for message in inputs[2]] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert "attachment://" not in str(inputs)


def test_inspect_counts_cached_input_apart_and_we_do_not():
    usage = {"input_tokens": 10, "input_tokens_cache_read": 80, "input_tokens_cache_write": 5, "output_tokens": 3}
    event = {
        "event": "model",
        "timestamp": "2026-11-20T10:00:00Z",
        "model": "anthropic/claude",
        "output": {"usage": usage},
    }
    refused = {
        "event": "approval", "timestamp": "2026-11-20T10:00:01Z", "approver": "human", "decision": "reject",
        "call": {"function": "rm", "arguments": {}},
    }  # fmt: skip
    sample = {"id": 1, "epoch": 1, "events": [event, refused]}
    _, call, approval = converted(sample, {"eval": {"task": "t"}}).steps
    assert call.attributes["gen_ai.usage.input_tokens"] == 95
    assert (call.attributes["gen_ai.provider.name"], call.name) == ("anthropic", "claude")
    assert (approval.type, approval.attributes["error.type"]) == ("approval", "ApprovalRejected")


def test_an_inspect_score_of_nothing_says_nothing():
    scores = {"match": {"value": None, "explanation": "no answer"}, "graded": {"value": {"a": None, "b": 1}}}
    sample = {"id": 1, "epoch": 1, "started_at": "2026-11-20T10:00:00Z", "scores": scores}
    said = converted(sample, {"eval": {"task": "t"}}).evaluations
    assert [(item.name, item.score) for item in said] == [("graded.b", 1.0)]


# Phoenix


def test_phoenix_columns_and_objects_are_the_same_attributes():
    columns = {
        "name": "llm", "span_kind": "LLM", "parent_id": None, "start_time": AT, "end_time": AT + SECOND, "status_code": "ERROR",
        "status_message": "no", "context.trace_id": "1" * 32, "context.span_id": "2" * 16,
        "attributes.llm.model_name": "gpt", "attributes.input.value": '{"a": 1}',
        "attributes.llm.input_messages": [{"message.role": "user", "message.content": "Hi"}],
        "events": [{"name": "exception", "timestamp": AT, "attributes": {"exception.type": "E"}}],
    }  # fmt: skip
    nested = {
        **{name: value for name, value in columns.items() if "." not in name},
        "context": {"trace_id": "1" * 32, "span_id": "2" * 16},
        "attributes": {
            "llm": {"model_name": "gpt", "input_messages": [{"message": {"role": "user", "content": "Hi"}}]},
            "input": {"value": '{"a": 1}'},
        },
    }
    (one,), (two,) = converted(columns).steps, converted(nested).steps
    assert one.attributes == two.attributes
    assert one.attributes["llm.input_messages.0.message.content"] == "Hi"
    assert (one.trace_id, one.span_id, one.error, one.events[0].name) == ("1" * 32, "2" * 16, "no", "exception")


EVENT = "[{'name': 'exception', 'timestamp': %s, 'attributes': {'exception.type': 'KeyError', 'exception.message': \"'a'\"}}]"


def phoenix_row(**more):
    return {
        "name": "tool", "span_kind": "TOOL", "start_time": "2026-11-20 10:00:00+00:00", "end_time": "2026-11-20 10:00:01+00:00",
        "status_code": "ERROR", "context.trace_id": "1" * 32, "context.span_id": "2" * 16, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("datetime.datetime(2026, 9, 21, 14, 13, 20, 5, tzinfo=datetime.timezone.utc)", AT + 5000),
        ("datetime.datetime(2026, 9, 21, 14, 13, 20)", AT),
        ("datetime.datetime(2026, 9, 21, 16, 13, 20, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin'))", AT),
        (
            "datetime.datetime(2026, 9, 21, 9, 13, 20, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400)))",
            AT,
        ),
        ("Timestamp('2026-09-21 14:13:20.000000001+0000', tz='UTC')", AT + 1),
        ("'2026-09-21T14:13:20+00:00'", AT),
        ("NaT", 0),
    ],
)
def test_phoenix_events_are_read_out_of_the_text_that_pandas_writes(written, moment):
    (step,) = converted(phoenix_row(events=EVENT % written)).steps
    (event,) = step.events
    assert (event.name, event.at) == ("exception", moment)
    assert event.attributes == {"exception.type": "KeyError", "exception.message": "'a'"}
    assert "phoenix.events" not in step.attributes


def test_a_phoenix_dataframe_out_of_parquet_into_csv_has_its_events():
    raised = {
        "name": "exception",
        "timestamp": datetime.fromtimestamp(1_790_000_000, UTC),
        "attributes": {"exception.type": "E"},
    }
    row = phoenix_row(events=[raised, {**raised, "attributes": {"exception.type": "F\n {"}}])
    sink = io.BytesIO()
    pd.DataFrame([row]).to_parquet(sink)
    text = pd.read_parquet(sink).to_csv(index=False)
    (read,) = csv.DictReader(io.StringIO(text))
    (step,) = converted(read).steps
    assert [(event.at, event.attributes["exception.type"]) for event in step.events] == [(AT, "E"), (AT, "F\n {")]


@pytest.mark.parametrize(
    "text",
    [
        "[{'name': __import__('os').getcwd()}]",
        "[{'name': open('x')}]",
        "[{'timestamp': datetime.datetime(2026, 9, 21, tzinfo=zoneinfo.ZoneInfo(key='../../etc/passwd'))}]",
        "[{'timestamp': datetime.datetime(2026, 9, 21, tzinfo=zoneinfo.ZoneInfo(key='Europe'))}]",
        "[{'timestamp': datetime.datetime(99999, 9, 21)}]",
        "[{'timestamp': datetime.datetime(2026, 9, 21, tzinfo=Custom())}]",
        "[{'timestamp': Timestamp()}]",
        "[" * 5000,
        "[{" + "-" * 100_000,
        r"[{'name': nothing('\d')}]",
    ],
)
def test_phoenix_events_that_are_no_data_stay_the_text_that_they_are(text):
    (step,) = converted(phoenix_row(events=text)).steps
    assert (step.events, step.attributes["phoenix.events"]) == ([], text)


def test_a_phoenix_annotation_names_its_span_alone():
    (said,) = converted(
        {
            "id": "x", "span_id": "2" * 16, "name": "correct", "annotator_kind": "HUMAN", "created_at": "2026-11-20T10:00:00Z",
            "result": {"label": "no", "score": 0, "explanation": "why"},
        }
    ).evaluations  # fmt: skip
    assert (said.trace_id, said.span_id, said.score, said.label, said.source) == ("", "2" * 16, 0.0, "no", "HUMAN")


# Messages

CHAT = [
    {"role": "user", "content": "Refund A-1"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "function": {"name": "refund", "arguments": '{"id": "A-1"}'}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "down", "is_error": True},
    {"role": "assistant", "content": "It failed."},
]
BLOCKS = [
    {"role": "user", "content": "Refund A-1"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "refund", "input": {"id": "A-1"}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "down", "is_error": True}]},
    {"role": "assistant", "content": [{"type": "text", "text": "It failed."}]},
]


@pytest.mark.parametrize("messages", [CHAT, BLOCKS], ids=["OpenAI", "Anthropic"])
def test_messages_are_calls_and_tools_in_order_without_times(messages):
    found = converted({"messages": messages, "id": "run-1", "model": "gpt"})
    root, asked, tool, answered = found.steps
    assert [step.type for step in found.steps] == ["agent", "llm_call", "tool_call", "llm_call"]
    assert all(step.start is None for step in found.steps)
    assert found.untimed
    assert (root.attributes["whichstep.input"], root.attributes["whichstep.output"]) == ("Refund A-1", "It failed.")
    assert (tool.attributes["gen_ai.tool.call.result"], tool.error) == ("down", "down")
    assert json.loads(tool.attributes["gen_ai.tool.call.arguments"]) == {"id": "A-1"}
    assert len(json.loads(answered.attributes["gen_ai.input.messages"])) == 3
    assert asked.attributes["gen_ai.request.model"] == "gpt"


def test_messages_without_an_id_are_known_by_what_they_say():
    one, same, other = converted(CHAT), converted({"messages": CHAT}), converted(CHAT[:2])
    assert one.steps[0].trace_id == same.steps[0].trace_id != other.steps[0].trace_id


def test_a_long_conversation_does_not_grow_with_its_square():
    turns = [{"role": role, "content": "x" * 2000} for _ in range(500) for role in ("user", "assistant")]
    found = converted([{"role": "system", "content": "rules"}, *turns])
    last = found.steps[-1].attributes
    assert len(last["gen_ai.input.messages"]) < 600_000
    assert json.loads(last["gen_ai.input.messages"])[0]["content"] == "rules"
    assert last["whichstep.truncated"] == ["gen_ai.input.messages"]


def test_messages_that_nobody_answered_are_no_run():
    with pytest.raises(NotTakenError):
        converted([{"role": "user", "content": "Hello?"}])


# Values and ids


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-09-21T14:13:20Z", 1_790_000_000_000_000_000),
        ("2026-09-21 14:13:20.123456789", 1_790_000_000_123_456_789),
        ("2026-09-21T16:13:20.5+02:00", 1_790_000_000_500_000_000),
        (1_790_000_000, 1_790_000_000_000_000_000),
        (1_790_000_000_123, 1_790_000_000_123_000_000),
        ("1790000000123", 1_790_000_000_123_000_000),
        (1_790_000_000_000_000_001, 1_790_000_000_000_000_001),
        (1_790_000_000.25, 1_790_000_000_250_000_000),
        (1_790_000_000.123, 1_790_000_000_123_000_000),
        ("1790000000.123456789", 1_790_000_000_123_456_789),
        (1_790_000_000_123_456, 1_790_000_000_123_456_000),
        (Decimal("1790000000123.5"), 1_790_000_000_123_500_000),
        ("2026-09-21 14:13:20 UTC", 1_790_000_000_000_000_000),
        ("2026-09-21T14:13:20,5Z", 1_790_000_000_500_000_000),
        ("2026-09-21T14:13:20.5+0000", 1_790_000_000_500_000_000),
        ("20260921T141320Z", 1_790_000_000_000_000_000),
        ("20260921", None),
        (20_260_921, None),
        (20_260_921_141_320, None),
        (12.5, None),
        (float("nan"), None),
        (10**400, None),
        (datetime(1, 1, 1, tzinfo=UTC), None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("yesterday", None),
        (True, None),
        (-1, None),
    ],
)
def test_moments_are_read_to_the_nanosecond(value, moment):
    assert nanoseconds(value) == moment


def test_ids_that_are_ids_stay_and_others_are_always_hashed_alike():
    assert trace_id_of("x", "0198A0AA-0000-7000-8000-000000000001") == "0198a0aa000070008000000000000001"
    assert trace_id_of("x", "0" * 32) != "0" * 32
    assert trace_id_of("x", "t-1") == trace_id_of("x", "t-1") != trace_id_of("y", "t-1")
    assert span_id_of("1" * 32, "a" * 16) == "a" * 16
    assert span_id_of("1" * 32, "s") != span_id_of("2" * 32, "s")


def test_messages_are_found_where_they_are_wrapped():
    assert messages_in('{"messages": [[{"role": "user"}]]}') == [{"role": "user"}]
    assert messages_in({"content": "x", "role": "user"}) == [{"content": "x", "role": "user"}]
    assert messages_in({"question": "x"}) is None


def test_a_token_that_may_not_read_does_not_stop_an_import():
    from whichstep_cli.errors import UsageError

    class Refusing:
        def post(self, path, body):
            raise UsageError("forbidden")

    counts = Counts()
    assert Sender(Refusing(), counts)._ask("select {}", ["a"]) == []
    assert counts.skipped == {"a question about what is stored: forbidden": 1}


# Odd values

ODD = [
    None, True, 0, -1, 10**400, 1.5, float("nan"), "", "x", "{", "[1", "[]", [], {}, [[]], [None], {"a": None}, "\ud800", {"messages": 3},
    [{}], [1, "a"], {"role": 5}, 2**70, "2026-01-01", "9" * 30,
]  # fmt: skip


def places(value, path=()):
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def everything():
    for file in sorted(FIXTURES.iterdir()):
        with file.open("rb") as opened:
            yield from records(opened)
    yield Record({"id": "r", "messages": CHAT})
    yield Record(langfuse_trace(observations=[observation("a"), observation("b")]))


SEEN = list(everything())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_no_value_anywhere_in_a_record_breaks_an_import(seed):
    choose = random.Random(seed)
    record = copy.deepcopy(choose.choice(SEEN))
    for _ in range(choose.randint(1, 3)):
        *way, last = choose.choice(list(places(record.value)) or [("x",)])
        spot = record.value
        for key in way:
            spot = spot[key]
        spot[last] = copy.deepcopy(choose.choice(ODD))
    form = form_of(record)
    if form is None:
        return
    try:
        found = form.convert(record)
    except NotTakenError:
        return
    for index, step in enumerate(found.steps):
        assert span_of(step, index, AT).start_time_unix_nano >= 0
    for said in found.evaluations:
        assert record_of(said).attributes


def test_tables_of_langsmith_with_json_text_and_decimals_are_the_same_runs(tmp_path):
    rows = [json.loads(line) for line in (FIXTURES / "langsmith_runs.jsonl").read_text().splitlines()]
    columns = {
        key: [json.dumps(row[key]) if isinstance(row.get(key), (dict, list)) else row.get(key) for row in rows]
        for key in (
            "id",
            "name",
            "run_type",
            "trace_id",
            "parent_run_id",
            "inputs",
            "outputs",
            "error",
            "extra",
            "dotted_order",
        )
    }
    moments = {
        key: pa.array([datetime.fromisoformat(row[key]) for row in rows], pa.timestamp("us"))
        for key in ("start_time", "end_time")
    }
    costs = pa.array([Decimal("0.25")] * len(rows), pa.decimal128(10, 4))
    table = pa.table({**columns, **moments, "total_cost": costs, "tags": [row["tags"] for row in rows]})
    pq.write_table(table, tmp_path / "runs.parquet")
    with (tmp_path / "runs.parquet").open("rb") as opened:
        found = [step for record in records(opened) for step in form_of(record).convert(record).steps]
    assert found[2].attributes.pop("whichstep.usage.cost_usd") == 0.25
    for step, wanted in zip(found, steps("langsmith_runs.jsonl"), strict=True):
        step.attributes.pop("whichstep.usage.cost_usd", None)
        assert step == wanted


def test_phoenix_in_every_form_is_the_same_spans():
    forms = [steps(name) for name in ("phoenix_api.json", "phoenix_spans.parquet", "phoenix_spans.csv")]
    told = [
        {
            (step.trace_id, step.span_id, step.parent_id, step.name, step.start, step.error,
             step.attributes["openinference.span.kind"], float(step.attributes.get("llm.token_count.prompt") or 0),
             step.attributes.get("llm.input_messages.0.message.content"), len(step.events))
            for step in form
        }
        for form in forms
    ]  # fmt: skip
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 6
