from __future__ import annotations

from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import batch_of, logs_of, restored, row_of, rows_of, whole
from test_decode import ATTRIBUTE_VALUES, TEXT, UNSIGNED

from builders import RECEIVED, RESOURCE, START, event, exception, link, log, request, span, trace_id
from whichstep_collector.decode import decode_traces
from whichstep_collector.normalise import normalise_traces
from whichstep_collector.normalising.fields import FIELDS
from whichstep_store.batches import SPAN_SCHEMA

LLM = {"openinference.span.kind": "LLM"}


def test_a_row_says_who_when_and_what():
    row = row_of(
        span(
            "chat gpt-4o",
            parent=5,
            kind=3,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"},
        )
    )
    assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (UUID(int=1), 1, 5)
    assert (row["name"], row["kind"], row["status"]) == ("chat gpt-4o", "client", "unset")
    assert (row["service"], row["release"], row["environment"]) == ("support-agent", "1.2.0", "test")
    assert (row["type"], row["dialect"], row["step_name"], row["scope"]) == ("llm_call", "otel_genai", "gpt-4o", "test")
    assert row["started_at"].value == START
    assert row["ended_at"].value == START + 10**9
    assert row["received_at"].value == RECEIVED
    assert (row["error"], row["flags"], row["attribute_count"]) == (False, [], 2)


def test_the_batch_has_the_columns_of_the_store():
    batch = batch_of(request(span()))
    assert batch.spans.schema == SPAN_SCHEMA
    assert batch_of(request()).spans.num_rows == 0


@pytest.mark.parametrize(
    ("start", "end", "flags", "ended"),
    [
        (0, START, ["no_start", "clock"], START),
        (START, None, [], None),
        (START, START - 5, ["clock"], START - 5),
        (1_790_000_000, START, ["clock"], START),  # seconds
        (START + 10**14 * 2, None, ["clock"], None),  # two days ahead
        (2**64 - 1, 2**64 - 1, ["clock"], 2**63 - 1),
    ],
)
def test_odd_times_are_kept_and_flagged(start, end, flags, ended):
    row = row_of(span(start=start, end=end))
    assert [flag for flag in row["flags"] if flag != "guessed"] == flags
    assert (row["ended_at"].value if row["ended_at"] is not None else None) == ended
    assert row["started_at"].value == (min(start, 2**63 - 1) or RECEIVED)


def test_a_resource_without_a_service_is_an_unknown_service():
    assert row_of(span(), resource={})["service"] == "unknown_service"
    assert row_of(span(), resource={"service.name": ["x"]})["service"] == "unknown_service"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.column)
def test_the_first_meaningful_key_gives_the_column(field):
    """Each row of the table, key by key: a key wins over all that stand after it, and an empty one over none."""
    said = {
        "autonomy_level": 2,
        "outcome_success": True,
        "tags": ["a"],
        "finish_reason": ["stop"],
        "expectation": '{"a":1}',
    }.get(field.column)
    value = (
        said
        if said is not None
        else (7 if field.read.__name__ in {"count", "small_count", "amount", "seconds_as_ms"} else "value")
    )
    expected = field.read(tuple(value) if isinstance(value, list) else value)
    assert expected is not None
    for at, key in enumerate(field.keys):
        attributes = {**dict.fromkeys(field.keys[:at], ""), key: value}
        row = row_of(span(attributes=attributes))
        if field.column == "model" and at >= 3:  # the request's model is also its own column
            assert row["model"] == "value"
        assert row[field.column] == expected, key


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(12, 12), ("12", 12), (12.0, 12), (0, 0), (True, None), (-1, None), (float("nan"), None), ("many", None), ([1], None), (1.5, None), (2**62, None)],
)  # fmt: skip
def test_token_counts_are_read_with_care(value, tokens):
    assert (
        row_of(span(attributes={**LLM, "llm.token_count.prompt": value, "llm.token_count.completion": 1}))[
            "input_tokens"
        ]
        == tokens
    )


def test_a_call_that_counted_nothing_is_unknown_and_not_0():
    zero = {
        **LLM,
        "llm.token_count.prompt": 0,
        "llm.token_count.completion": 0,
        "llm.token_count.prompt_details.cache_read": 0,
    }
    row = row_of(span(attributes=zero))
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (None, None, None)
    row = row_of(span(attributes={**zero, "llm.token_count.prompt": 9}))
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (9, 0, 0)


def test_frameworks_are_no_providers():
    assert row_of(span(attributes={"gen_ai.system": "autogen"}))["provider"] is None
    assert (
        row_of(span(attributes={"gen_ai.provider.name": "langgraph", "llm.provider": "openai"}))["provider"] == "openai"
    )
    assert row_of(span(attributes={"gen_ai.system": "az.ai.openai"}))["provider"] == "azure.ai.openai"


class TestFailures:
    def test_status_error_is_an_error_with_type_and_message(self):
        row = row_of(span(status=2, message="no route", events=[exception("lab.OrderServiceError", "no route")]))
        assert (row["error"], row["error_type"], row["error_message"], row["control_flow"]) == (
            True,
            "OrderServiceError",
            "no route",
            None,
        )

    def test_a_dump_of_the_exception_gives_way_to_its_own_words(self):
        message = "OrderServiceError('no route')Traceback (most recent call last):\n  File x"
        row = row_of(span(status=2, message=message, events=[exception("lab.OrderServiceError", "no route")]))
        assert (row["error_type"], row["error_message"]) == ("OrderServiceError", "no route")
        row = row_of(span(status=2, message=message))
        assert (row["error_type"], row["error_message"]) == ("OrderServiceError", "OrderServiceError('no route')")

    @pytest.mark.parametrize(
        ("said", "kind"),
        [("openai.InternalServerError", "InternalServerError"), ("<class 'a.b.Oops'>", "Oops"), ("429", "429"), ("tool_error", "tool_error"), ("builtins.ValueError", "ValueError")],
    )  # fmt: skip
    def test_types_lose_their_module(self, said, kind):
        assert row_of(span(attributes={"error.type": said}))["error_type"] == kind

    def test_the_word_for_a_type_that_nobody_knows_is_no_type(self):
        row = row_of(span(status=2, message="boom", attributes={"error.type": "_OTHER"}))
        assert (row["error"], row["error_type"], row["error_message"]) == (True, None, "boom")

    def test_the_type_in_front_of_a_message_is_read_and_taken_off(self):
        row = row_of(span(status=2, message="RateLimitError: 429 Too Many Requests"))
        assert (row["error_type"], row["error_message"]) == ("RateLimitError", "429 Too Many Requests")

    @pytest.mark.parametrize(
        ("kind", "message", "flow"),
        [
            ("langgraph.errors.GraphInterrupt", "(Interrupt(value={'a': 1}, id='x'),)", "interrupt"),
            ("langgraph.errors.ParentCommand", "Command(goto='b')", "handoff"),
            ("workflows.errors.WaitingForEvent", "waiting", "interrupt"),
            ("ApprovalRequired", "", "approval"),
            ("asyncio.CancelledError", "", "cancelled"),
        ],
    )
    @pytest.mark.parametrize("status", [0, 1, 2])
    def test_control_flow_is_never_an_error(self, kind, message, flow, status):
        row = row_of(span(status=status, message=message, events=[exception(kind, message, at=START + 10**9)]))
        assert (row["error"], row["error_type"], row["control_flow"]) == (False, None, flow)

    @pytest.mark.parametrize(
        ("message", "flow"),
        [
            ("(Interrupt(value=1),)", "interrupt"),
            ("Command(graph='x')", "handoff"),
            ("GraphInterrupt('x')", "interrupt"),
        ],
    )
    def test_control_flow_is_told_by_its_message_alone(self, message, flow):
        assert row_of(span(status=2, message=message))["control_flow"] == flow

    def test_an_exception_on_a_span_that_says_ok_was_handled(self):
        assert row_of(span(status=1, events=[exception("ValueError", "x", at=START + 10**9)]))["error"] is False

    def test_an_exception_alone_is_an_error_when_it_left_the_span(self):
        assert row_of(span(events=[exception("ValueError", "x", at=START + 10**9)]))["error"] is True
        assert row_of(span(events=[exception("ValueError", "x", at=START + 5)]))["error"] is False
        assert (
            row_of(span(events=[exception("ValueError", "x", at=START + 5, **{"exception.escaped": True})]))["error"]
            is True
        )

    def test_a_tool_held_for_a_person_is_an_approval(self):
        held = exception("langgraph.errors.GraphInterrupt", "(Interrupt(value=1),)")
        row = row_of(
            span(
                "refund", attributes={"openinference.span.kind": "TOOL", "tool.name": "refund"}, status=1, events=[held]
            )
        )
        assert (row["type"], row["step_name"], row["control_flow"]) == ("approval", "refund", "interrupt")

    def test_long_messages_are_cut(self):
        assert len(row_of(span(status=2, message="é" * 5000))["error_message"].encode()) == 1024


def test_the_http_status_is_the_type_where_nothing_else_says_it():
    assert row_of(span(status=2, attributes={"http.response.status_code": 503}))["error_type"] == "503"


def test_an_execution_id_joins_and_any_other_text_is_hashed():
    row = row_of(
        span(attributes={"whichstep.execution.id": "0" * 31 + "A", "whichstep.execution.rerun_of": "0" * 31 + "b"})
    )
    assert (row["execution_key"], row["execution_rule"], row["external_id"]) == (UUID(int=10), "explicit", None)
    assert row["rerun_of"] == UUID(int=11)
    row = row_of(span(attributes={"whichstep.execution.id": "ticket 17"}))
    assert (row["execution_rule"], row["external_id"]) == ("explicit", "ticket 17")
    assert row["execution_key"] is not None
    assert row_of(span())["execution_rule"] is None


def test_a_uuid_with_dashes_is_the_same_execution_as_its_digits():
    dashed = "0B4E2B6E-92E5-4D5B-8F2D-1F2E3D4C5B6A"
    row = row_of(span(attributes={"whichstep.execution.id": dashed}))
    assert row["execution_key"] == UUID(dashed)
    assert row["external_id"] == dashed


@pytest.mark.parametrize("flow", ["cancelled", "interrupt", "approval", "handoff"])
def test_what_the_sender_calls_control_flow_is_no_error(flow):
    row = row_of(span(attributes={"whichstep.control_flow": flow, "error.type": "CancelledError"}), scope="whichstep")
    assert (row["control_flow"], row["error"]) == (flow, False)


def test_links_are_kept_and_join_only_where_the_dialect_says_so():
    row = row_of(span(links=[link(7), link(7, 2), link(0)]))
    assert (row["linked_trace_ids"], row["links_join"]) == ([UUID(int=7)], False)
    assert orjson.loads(row["links"])[0] == {
        "trace_id": trace_id(7).hex(),
        "span_id": "0000000000000001",
        "attributes": {},
    }
    assert row_of(span(links=[link(7)]), scope="autogen SingleThreadedAgentRuntime")["links_join"] is True


def test_session_and_user_are_found_in_a_metadata_document():
    row = row_of(span(attributes={"metadata": '{"thread_id": "t", "user_id": "u"}', **LLM}))
    assert (row["session_id"], row["user_id"]) == ("t", "u")
    assert row_of(span(attributes={"metadata": ["no"], **LLM}))["session_id"] is None


def test_long_texts_become_content_once_a_trace_and_previews_stay_short():
    text = "word " * 400
    batch = batch_of(
        request(
            *[
                span(id=number, trace=trace, attributes={**LLM, "input.value": text})
                for number, trace in ((1, 1), (2, 1), (3, 2))
            ]
        )
    )
    assert [row["trace_id"].int for row in batch.content.to_pylist()] == [1, 2]
    for row in batch.spans.to_pylist():
        assert row["input"] == text[:1024]
        assert whole(batch, row, "input") == text
        assert restored(batch, row)["input.value"] == text


def test_previews_are_cut_at_a_character():
    row = row_of(span(attributes={**LLM, "input.value": "é" * 1000}))
    assert row["input"] == "é" * 512


def conversation(turns: int) -> dict[str, object]:
    found: dict[str, object] = {**LLM}
    for turn in range(turns):
        found[f"llm.input_messages.{turn}.message.role"] = "user" if turn % 2 == 0 else "assistant"
        found[f"llm.input_messages.{turn}.message.content"] = f"turn {turn} " + "said " * 100
    return found


def test_history_that_is_sent_again_is_stored_once():
    batch = batch_of(request(*[span(id=turns, attributes=conversation(turns)) for turns in range(1, 21)]))
    texts = [row["text"] for row in batch.content.to_pylist()]
    assert len(texts) <= 22  # one a message; the first call's single message is whole in its preview
    last = batch.spans.to_pylist()[-1]
    messages = orjson.loads(whole(batch, last, "input"))
    assert [message["role"] for message in messages] == ["user", "assistant"] * 10
    assert messages[3]["parts"] == [{"type": "text", "content": "turn 3 " + "said " * 100}]
    assert last["user_message"].startswith("turn 18 said")
    for row, turns in zip(batch.spans.to_pylist(), range(1, 21), strict=True):
        assert restored(batch, row) == conversation(turns)


def test_equal_input_has_an_equal_digest():
    first, again, other = rows_of(
        span(id=1, attributes=conversation(3)),
        span(id=2, attributes=conversation(3)),
        span(id=3, attributes=conversation(4)),
    )
    assert first["input_digest"] == again["input_digest"] != other["input_digest"]


def test_equal_arguments_have_an_equal_digest_however_they_are_written():
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}
    digests = {
        row_of(span(attributes={**tool, "gen_ai.tool.call.arguments": said}))["arguments_digest"]
        for said in ('{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }', {"a": 1, "b": [2]})
    }
    assert len(digests) == 1


def test_a_replay_has_the_same_digest_and_another_content_another():
    def digest(**how):
        return row_of(span(attributes={"a": "x" * 300}, **how))["digest"]

    assert digest() == digest()
    assert (
        len({digest(), digest(status=2), digest(end=None), digest(events=[event("e")]), digest(links=[link(4)])}) == 5
    )


def test_the_raw_attributes_come_back():
    attributes = {
        "short": "x",
        "long": "long " * 100,
        "json": orjson.dumps(
            {"messages": [{"role": "user", "text": "hi " * 300}] * 3, "big": "y" * 5000, "n": 1.5}
        ).decode(),
        "inexact": '{"n": 123456789012345678901234567890, "pad": "' + "p" * 3000 + '"}',
        "marker": '{"$content": "not ours", "pad": "' + "p" * 3000 + '"}',
        "broken": '{"a": [' + "1," * 2000,
        "native": {"list": ["z" * 400, {"deep": ["w" * 300]}], "n": None, "$json": 1},
        "bytes": b"\x00\x01",
        "flag": True,
        "number": -(2**63),
    }
    batch = batch_of(request(span(attributes=attributes)))
    (row,) = batch.spans.to_pylist()
    back = restored(batch, row)
    assert back.pop("json") == orjson.dumps(orjson.loads(attributes.pop("json"))).decode()
    assert orjson.loads(back.pop("marker")) == orjson.loads(attributes.pop("marker"))
    assert back == attributes
    assert len(row["attributes"]) < 2500


def test_numbers_that_are_none_become_null():
    assert orjson.loads(row_of(span(a=float("nan"), b=float("inf")))["attributes"]) == {"a": None, "b": None}


def test_evaluations_on_spans_and_in_logs_become_log_rows():
    said = {
        "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 1, "gen_ai.evaluation.score.label": "good",
        "gen_ai.evaluation.explanation": "clear", "gen_ai.response.id": "r1", "whichstep.evaluation.source": "code",
        "whichstep.execution.id": "0" * 31 + "1",
    }  # fmt: skip
    batch = batch_of(request(span(events=[event("gen_ai.evaluation.result", at=START + 7, **said)])))
    (on_span,) = batch.logs.to_pylist()
    (in_log,) = logs_of(log("gen_ai.evaluation.result", trace=1, id=1, at=START + 7, attributes=said))
    for row in (on_span, in_log):
        assert (row["trace_id"], row["span_id"], row["occurred_at"].value) == (UUID(int=1), 1, START + 7)
        assert (row["evaluation_name"], row["evaluation_score"], row["evaluation_label"]) == ("helpful", 1.0, "good")
        assert (row["evaluation_explanation"], row["evaluation_source"], row["response_id"]) == ("clear", "CODE", "r1")
        assert row["execution_key"] == UUID(int=1)


@pytest.mark.parametrize(
    "record",
    [
        log("gen_ai.choice"),
        log(attributes={"event.name": "gen_ai.choice"}),
        log(attributes={"name": "gen_ai.choice"}),
        log(body="gen_ai.choice"),
    ],
)
def test_the_name_of_an_event_is_found_wherever_it_stands(record):
    assert logs_of(record)[0]["event_name"] == "gen_ai.choice"


def test_a_log_keeps_its_body_and_a_time():
    (row,) = logs_of(log(at=0, body={"a": [1, None]}, severity=300))
    assert (orjson.loads(row["body"]), row["occurred_at"].value, row["severity"]) == ({"a": [1, None]}, RECEIVED, 0)


KEYS = sorted(
    {key for field in FIELDS for key in field.keys}
    | {
        "input.value",
        "output.value",
        "metadata",
        "openinference.span.kind",
        "traceloop.span.kind",
        "traceloop.entity.input",
    }
    | {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.operation.name",
        "gen_ai.tool.call.arguments",
        "error.type",
    }
    | {"gen_ai.retrieval.documents", "retrieval.documents", "gen_ai.system_instructions", "gen_ai.tool.definitions"}
    | {
        "llm.input_messages.0.message.role",
        "llm.input_messages.0.message.content",
        "llm.input_messages.4294967295.message.role",
    }
    | {
        "llm.input_messages.999999.message.content",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt",
        "retrieval.documents.0.document.metadata",
    }
    | {"llm.output_messages.1.message.tool_calls.0.tool_call.function.arguments", "whichstep.step.type", "__proto__"}
    | {
        "whichstep.metadata.k",
        "whichstep.pending",
        "whichstep.truncated",
        "traceloop.entity.output",
        "http.response.status_code",
    }
)
KINDS = st.sampled_from(
    [
        "LLM",
        "TOOL",
        "RETRIEVER",
        "AGENT",
        "CHAIN",
        "chat",
        "execute_tool",
        "retrieval",
        "invoke_agent",
        "task",
        "tool",
        "x",
    ]
)
JSONS = st.sampled_from(
    ['[{"role":"user","parts":[{"type":"text","content":"x"}]}]', '{"messages":[[{"lc":1,"kwargs":{"content":[1],"type":"ai","tool_calls":[3]}}]]}', "[[[]]]",
     '{"input_str":"{\'a\': b}"}', '{"input_str":"{\'a\': 1}","kwargs":7}', '{"documents":[1,{"metadata":[]}]}', '{"output":{"kwargs":{"type":"tool","status":"error"}}}', "{", "[" * 3000,
     '{"messages":["source=\'user\' content=\'\\\\ud800\'"]}', '{"messages":[{"source":"user","content":[]}]}', '{"update":{"messages":[]},"goto":1}']
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(KEYS) | TEXT, ATTRIBUTE_VALUES | KINDS | JSONS, max_size=12),
    TEXT
    | st.sampled_from(
        ["autogen-core", "openinference.instrumentation.langchain", "opentelemetry.instrumentation.openai"]
    ),
    st.lists(
        st.sampled_from(
            ["exception", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.evaluation.result", "gen_ai.content.prompt"]
        ),
        max_size=2,
    ),
    st.integers(-(2**31), 2**31 - 1),
    UNSIGNED,
)
def test_whatever_a_sender_writes_a_row_comes_out_and_its_attributes_come_back(attributes, scope, events, kind, time):
    told = [event(name, at=time, content=value) for name, value in zip(events, attributes.values(), strict=False)]
    message = request(span(attributes=attributes, kind=1, start=time, end=time, events=told, status=2), scope=scope)
    message.resource_spans[0].scope_spans[0].spans[0].kind = kind
    batch = batch_of(message)
    (row,) = (row for row in batch.spans.to_pylist() if not row["synthetic"])
    assert "unread" not in row["flags"]
    orjson.loads(batch.spans.column("attributes")[0].as_py())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.dictionaries(st.sampled_from(KEYS) | TEXT, ATTRIBUTE_VALUES | KINDS | JSONS, max_size=8),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
)
def test_spans_of_mixed_shapes_give_the_same_rows_together_as_one_by_one(shapes, order):
    spans = [
        span(trace=at % 3 + 1, id=at + 1, attributes=shapes[shape % len(shapes)], status=shape % 3)
        for at, shape in enumerate(order)
    ]
    together = batch_of(request(*spans))
    alone = [batch_of(request(one)) for one in spans]
    assert repr(together.spans.to_pylist()) == repr([row for batch in alone for row in batch.spans.to_pylist()])
    kept = {repr(row) for batch in alone for row in batch.content.to_pylist()}
    assert {repr(row) for row in together.content.to_pylist()} == kept


@pytest.mark.parametrize("number", ["9007199254740993.5", "12345678901234567890123", "1e300", "[1E+22]", "4e16"])
def test_json_with_a_number_that_reading_would_change_is_kept_as_it_was_written(number):
    text = f'{{"big":{number} , "long": "{"x" * 3000}"}}'
    attributes = {"metadata": text, "llm.tools.0.tool.json_schema": text}
    message = request(span(attributes=attributes))
    batch = batch_of(message)
    (row,) = batch.spans.to_pylist()
    assert restored(batch, row) == attributes


def test_a_defect_of_ours_costs_no_span(monkeypatch, caplog):
    def broken(_attributes):
        raise ZeroDivisionError

    monkeypatch.setattr("whichstep_collector.normalising.coerce.json_object", broken)
    bad, good = rows_of(span(id=1, status=2, attributes={"metadata": "{}", "a": "b"}), span(id=2))
    assert (bad["type"], bad["error"], bad["flags"]) == ("other", True, ["unread"])
    assert orjson.loads(bad["attributes"]) == {"metadata": "{}", "a": "b"}
    assert "unread" not in good["flags"]
    assert "could not be read" in caplog.text


def test_an_index_allocates_nothing():
    attributes = {**LLM, "llm.input_messages.9999.message.content": "last", "llm.input_messages.99999.message.content": "too far",
                  "llm.input_messages.4294967295.message.role": "user", "llm.input_messages.0.message.content": "first"}  # fmt: skip
    assert [
        message["parts"][0]["content"] for message in orjson.loads(row_of(span(attributes=attributes))["input"])
    ] == ["first", "last"]


def test_both_wire_forms_normalise_alike():
    from builders import as_json

    message = request(span(attributes=conversation(5), events=[exception("E", "m")]), span(id=2, a=[1, {"b": None}]))
    first = normalise_traces(decode_traces(message.SerializeToString(), json=False), received_at=RECEIVED)
    second = normalise_traces(decode_traces(as_json(message), json=True), received_at=RECEIVED)
    assert first.spans.equals(second.spans)
    assert first.content.equals(second.content)


def test_a_resource_with_a_long_text_keeps_it_for_each_of_its_traces():
    batch = batch_of(request(span(trace=1), span(trace=2), resource={**RESOURCE, "process.command_args": "x" * 400}))
    assert [row["trace_id"].int for row in batch.content.to_pylist()] == [1, 2]
    assert "xxx" not in batch.spans.to_pylist()[0]["resource"]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_first_words_stand_on_the_earliest_call_of_siblings(order):
    said = {**LLM, "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Where is A-1?"}
    again = [span(id=at + 2, parent=1, start=START + at, attributes=said) for at in range(3)]
    elsewhere = span(id=9, parent=8, start=START + 9, attributes=said)
    found = rows_of(*([*again, elsewhere][at] for at in order))
    assert {row["span_id"] for row in found if row["user_message"] == "Where is A-1?"} == {2, 9}


def test_an_update_of_a_span_keeps_its_first_words():
    said = {**LLM, "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi"}
    found = rows_of(*(span(id=2, parent=1, end=end, attributes=said) for end in (None, START + 1)))
    assert [row["user_message"] for row in found] == ["Hi", "Hi"]


def test_roots_that_say_the_same_keep_their_words():
    said = {**LLM, "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi"}
    assert [row["user_message"] for row in rows_of(span(id=1, attributes=said), span(id=2, attributes=said))] == [
        "Hi",
        "Hi",
    ]


def test_the_resource_leaves_out_what_is_empty():
    found = orjson.loads(row_of(span())["resource"])
    assert found == {"resource": RESOURCE, "scope": {"name": "test", "version": "1"}}


def test_a_text_that_stands_whole_in_a_column_is_kept_once():
    attributes = {
        "openinference.span.kind": "TOOL",
        "tool.name": "t",
        "output.value": "found " * 80,
        "twin": "found " * 80,
    }
    batch = batch_of(request(span(attributes=attributes)))
    (row,) = batch.spans.to_pylist()
    assert batch.content.num_rows == 0
    assert orjson.loads(row["attributes"])["output.value"] == {"$column": "result"}
    assert restored(batch, row) == attributes
    assert row_of(span(attributes=attributes | {"output.value": "other " * 80}))["digest"] != row["digest"]
