"""AutoGen's own spans, Semantic Kernel's, our SDK's, transport, and hand-written ones."""

from __future__ import annotations

import orjson
import pytest
from rows import row_of, rows_of

from builders import START, event, exception, link, span


def test_autogens_messages_are_no_steps_and_its_links_join():
    row = row_of(
        span("autogen process x", attributes={"messaging.operation": "process"}, links=[link(7)]),
        scope="autogen SingleThreadedAgentRuntime",
    )
    assert (row["type"], row["dialect"], row["links_join"], len(row["linked_trace_ids"])) == (
        "none",
        "autogen",
        True,
        1,
    )


def autogen_message(message: object, receiver: str = "RoundRobinGroupChatManager") -> list[dict[str, object]]:
    attributes = {"recipient_agent_class": receiver, "message": orjson.dumps(message).decode()}
    return rows_of(span("autogen process x", attributes=attributes), scope="autogen SingleThreadedAgentRuntime")


def said_by(agent: str, content: object, **more: object) -> dict[str, object]:
    return {"message": {"source": agent, "models_usage": None, "content": content, **more}}


USED = {"prompt_tokens": 97, "completion_tokens": 12}


def test_what_autogens_agents_tell_their_manager_are_model_calls_with_their_tokens():
    call = {"id": "call_1a2b3c4d5e", "name": "lookup", "arguments": '{"id": 7}'}
    asking = said_by("triage", [call], models_usage=USED, created_at="2026-09-21T14:13:20.500000Z")
    _, asks, asked = autogen_message(asking)
    assert (asks["type"], asks["agent"], asks["model"], asks["flags"]) == ("llm_call", "triage", None, ["derived"])
    assert (asks["input_tokens"], asks["output_tokens"], asks["asked_tools"]) == (97, 12, ["lookup"])
    assert asks["started_at"].value == asks["ended_at"].value == START + 500_000_000
    assert asks["execution_key"] is None  # links join the team's traces
    assert (asked["type"], asked["arguments"], asked["ended_at"], asked["synthetic"]) == (
        "tool_call", '{"id":7}', None, True,
    )  # fmt: skip
    _, answer = autogen_message(said_by("support", "On its way.", models_usage=USED, type="TextMessage"))
    assert (answer["type"], answer["output"], answer["step_name"]) == ("llm_call", "On its way.", "model call")


def test_what_autogens_tools_gave_back_is_told_to_the_manager():
    given = {"name": "lookup", "call_id": "call_1a2b3c4d5e", "content": "gone", "is_error": True}
    _, told = autogen_message(said_by("support", [given]))
    assert (told["tool"], told["tool_call_id"], told["result"]) == ("lookup", "call_1a2b3c4d5e", "gone")
    assert (told["error"], told["error_message"]) == (True, "gone")


def test_autogens_team_was_asked_what_its_first_message_says():
    task = {"messages": [{"source": "user", "content": "Where is it?", "type": "TextMessage"}]}
    (row,) = autogen_message(task)
    assert (row["type"], row["user_message"]) == ("none", "Where is it?")


@pytest.mark.parametrize(
    "message",
    [[], {}, {"message": None}, said_by("a", None), said_by("a", [7, None]), said_by("a", 1, models_usage=[]),
     {"message": {"source": 3, "models_usage": USED}}, {"messages": [7]}, {"messages": {}}],
)  # fmt: skip
def test_a_message_of_autogen_in_another_form_tells_nothing(message):
    (row,) = autogen_message(message)
    assert (row["type"], row["user_message"]) == ("none", None)


@pytest.mark.parametrize("manager", ["SelectorGroupChatManager", "MagenticOneOrchestrator"])
def test_of_a_team_whose_manager_asks_a_model_itself_only_the_tools_are_known(manager):
    given = {"name": "lookup", "call_id": "call_1a2b3c4d5e", "content": "here", "is_error": False}
    _, told = autogen_message(said_by("support", [given]), manager)
    assert (told["type"], told["result"]) == ("tool_call", "here")
    assert len(autogen_message(said_by("support", "Done.", models_usage=USED), manager)) == 1


def test_what_autogens_agents_are_told_again_is_no_second_call():
    assert len(autogen_message(said_by("a", "Done.", models_usage=USED), "ChatAgentContainer")) == 1


@pytest.mark.parametrize(
    ("operation", "step", "setup"),
    [("create_agent", "none", True), ("invoke_agent", "agent", False), ("execute_tool", "tool_call", False)],
)
def test_autogens_agents_and_tools(operation, step, setup):
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.system": "autogen",
        "gen_ai.agent.name": "a",
        "gen_ai.tool.name": "t",
    }
    row = row_of(span(attributes=attributes), scope="autogen-core")
    assert (row["type"], row["setup"], row["dialect"], row["provider"]) == (step, setup, "autogen", None)
    assert row_of(span(attributes={**attributes, "gen_ai.tool.name": "transfer_to_b"}), scope="autogen-core")[
        "type"
    ] == ("handoff" if step == "tool_call" else step)


def ours(**more):
    return row_of(span("lookup", attributes={"whichstep.step.type": "tool_call", **more}), scope="whichstep")


def test_policy_and_contract_are_part_of_what_an_execution_ran():
    def digest(kind="workflow", **rules):
        return ours(**{"whichstep.step.type": kind, **rules})["configuration_digest"]

    policy, contract = {"whichstep.policy.digest": "ab" * 16}, {"whichstep.workflow.contract_digest": "cd" * 16}
    assert digest() is digest("tool_call", **policy) is digest(**{"whichstep.policy.digest": 7}) is None
    assert len({digest(**policy), digest(**contract), digest(**policy, **contract)} - {None}) == 3


def test_our_own_spans_say_everything():
    row = ours(
        **{
            "whichstep.step.name": "look up", "whichstep.step.index": 3, "whichstep.step.summary": "found\nit", "whichstep.task.id": "T-1",
            "whichstep.task.type": "refund", "whichstep.purpose": "dataset", "whichstep.tags": ["a", "b"], "whichstep.metadata.k": "v",
            "whichstep.metadata.n": 1, "whichstep.outcome.success": False, "whichstep.outcome.explanation": "no", "whichstep.escalation": "policy",
            "whichstep.expectation": '{"tools":["x"]}', "whichstep.usage.cost_usd": 0.5, "whichstep.workflow.autonomy_level": 2,
            "whichstep.approval.id": "ap", "whichstep.pending": True, "whichstep.truncated": ["x"], "whichstep.execution.id": "0" * 31 + "7",
        }
    )  # fmt: skip
    assert (row["type"], row["dialect"], row["step_name"], row["step_index"], row["output_summary"]) == (
        "tool_call",
        "whichstep",
        "look up",
        3,
        "found it",
    )
    assert (row["task_id"], row["task_type"], row["purpose"], row["tags"]) == ("T-1", "refund", "dataset", ["a", "b"])
    assert orjson.loads(row["metadata"]) == {"k": "v", "n": "1"}
    assert (row["outcome_success"], row["outcome_explanation"], row["escalation"]) == (False, "no", "policy")
    assert (row["expectation"], row["reported_cost_usd"], row["autonomy_level"], row["approval_id"]) == (
        '{"tools":["x"]}',
        0.5,
        2,
        "ap",
    )
    assert (row["pending"], row["execution_rule"], row["merge_key"]) == (True, "explicit", None)
    assert "truncated" in row["flags"]


def test_what_our_sdk_stamps_on_foreign_spans_leaves_their_dialect():
    row = row_of(
        span(
            attributes={
                "openinference.span.kind": "LLM",
                "whichstep.execution.id": "0" * 31 + "7",
                "whichstep.task.id": "T",
            }
        )
    )
    assert (row["dialect"], row["type"], row["execution_rule"], row["task_id"]) == (
        "openinference",
        "llm_call",
        "explicit",
        "T",
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.request.method": "POST"},
        {"http.method": "GET"},
        {"rpc.system": "grpc"},
        {"messaging.system": "kafka"},
        {"db.system": "postgresql"},
    ],
)
def test_transport_is_no_step(attributes):
    row = row_of(span(attributes=attributes))
    assert (row["type"], row["dialect"]) == ("none", "transport")


def test_a_search_in_a_vector_store_is_a_retrieval():
    assert row_of(span("pinecone.query", attributes={"db.system": "pinecone"}))["type"] == "retrieval"
    assert row_of(span("pinecone.upsert", attributes={"db.system": "pinecone"}))["type"] == "none"


@pytest.mark.parametrize(
    ("sent", "arguments"),
    [
        ('{"instructions_override": null, "order_id": "A-1"}', {"order_id": "A-1"}),
        ('{"instructions_override": "be brief", "order_id": "A-1"}', {"instructions_override": "be brief", "order_id": "A-1"}),
        ('{"order_id": null}', {"order_id": None}),
    ],
)  # fmt: skip
def test_an_orchestrations_empty_override_is_no_argument_of_semantic_kernels_functions(sent, arguments):
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "desk-lookup",
        "gen_ai.tool.call.arguments": sent,
    }
    row = row_of(span("execute_tool desk-lookup", attributes=attributes), scope="semantic_kernel.functions")
    assert orjson.loads(row["arguments"]) == arguments


@pytest.mark.parametrize(
    ("name", "attributes", "parent", "step"),
    [
        ("handle_ticket", {}, None, "workflow"),
        ("parse", {}, 5, "other"),
        ("tool.lookup", {"tool.name": "lookup", "tool.input": '{"a":1}', "tool.output": "x"}, 5, "tool_call"),
        ("execute_tool find", {}, 5, "tool_call"),
        ("chat gpt-4o", {}, 5, "llm_call"),
        ("retrieval docs", {}, 5, "retrieval"),
        ("planner.agent", {}, 5, "agent"),
    ],
)
def test_hand_written_spans_are_known_by_their_names(name, attributes, parent, step):
    row = row_of(span(name, parent=parent, attributes=attributes))
    assert (row["type"], row["dialect"]) == (step, "unknown")
    assert "guessed" in row["flags"]
    if attributes:
        assert (row["tool"], row["arguments"], row["result"]) == ("lookup", '{"a":1}', "x")


HAYSTACK = "openinference.instrumentation.haystack"


def haystack_agent(*messages: str, **more: object) -> list[dict[str, object]]:
    said = [f"ChatMessage(_role=<ChatRole.{role}, _name=None, _meta={{}})" for role in messages]
    attributes = {"openinference.span.kind": "CHAIN", "output.value": orjson.dumps({"messages": said}).decode()}
    return rows_of(span("Agent.run", attributes=attributes, **more), scope=HAYSTACK)


def ran(result: str, *, error: bool = False) -> str:
    origin = "ToolCall(tool_name='lookup', arguments={'id': 7}, id='call_1', extra=None)"
    return f"TOOL: 'tool'>, _content=[ToolCallResult(result={result!r}, origin={origin}, error={error})]"


def test_haystacks_agent_tells_of_the_tools_that_it_ran_since_the_users_last_words():
    asked = "USER: 'user'>, _content=[TextContent(text='again')]"
    agent, told = haystack_agent(ran("before"), asked, ran("now"))
    assert (told["type"], told["tool"], told["arguments"], told["result"]) == ("tool_call", "lookup", '{"id":7}', "now")
    assert (told["synthetic"], told["parent_span_id"], told["error"]) == (True, agent["span_id"], False)


def test_a_tools_result_that_haystack_flags_is_an_error_in_the_tools_own_words():
    said = "Failed to invoke Tool `lookup` with parameters {'id': 7}. Error: not reachable"
    _, told = haystack_agent(ran(said, error=True))
    assert (told["error"], told["error_type"], told["error_message"]) == (True, None, "not reachable")


def test_the_tool_error_that_ends_haystacks_agent_is_the_error_of_that_call():
    raised = {
        "exception.type": "haystack.tools.errors.ToolInvocationError",
        "exception.message": "Failed to invoke Tool `lookup` with parameters {'id': 7}. Error: not reachable",
        "exception.stacktrace": "Traceback (most recent call last):\n  File …\nshop.OrderError: not reachable\n\n"
        "The above exception was the direct cause of the following exception:\n\nTraceback …",
    }
    _, told = haystack_agent(status=2, events=[event("exception", **raised)])
    assert (told["tool"], told["arguments"], told["result"]) == ("lookup", '{"id":7}', None)
    assert (told["error_type"], told["error_message"]) == ("OrderError", "not reachable")


def test_an_error_that_was_kept_as_text_has_its_own_type_and_words():
    raised = {
        "exception.type": "Exception",
        "exception.message": "OrderError('not reachable')Traceback (most recent call last):\n  File …",
    }
    attributes = {"langsmith.span.kind": "tool", "gen_ai.tool.name": "lookup"}
    row = row_of(
        span("lookup", attributes=attributes, status=1, events=[event("exception", **raised)]),
        scope="langsmith",
    )
    assert (row["error"], row["error_type"], row["error_message"]) == (True, "OrderError", "not reachable")


def interrupted(message: str, kind: str, attributes: dict[str, str], scope: str) -> list[dict[str, object]]:
    events = [exception(kind, message)]
    return rows_of(
        span("HumanInTheLoopMiddleware.after_model", parent=1, attributes=attributes, events=events), scope=scope
    )


@pytest.mark.parametrize("text_only", [True, False])
def test_langchains_middleware_names_the_calls_that_it_stops_for_a_person(text_only):
    stop = (
        "(Interrupt(value={'action_requests': [{'name': 'refund', 'args': {'amount': 5}, 'description': 'Args: {}'}, "
        "{'name': 'mail', 'args': {'to': 'a'}}], 'review_configs': []}, id='1', response_schema=None),)"
    )
    if text_only:
        said = f"GraphInterrupt({stop})Traceback (most recent call last):\n\n  File …"
        rows = interrupted(said, "Exception", {"langsmith.span.kind": "chain"}, "langsmith")
    else:
        scope = "openinference.instrumentation.langchain"
        rows = interrupted(stop, "langgraph.errors.GraphInterrupt", {"openinference.span.kind": "CHAIN"}, scope)
    stopped, *told = rows
    assert (stopped["control_flow"], stopped["error"]) == ("interrupt", False)
    assert [(row["type"], row["tool"], row["arguments"], row["control_flow"]) for row in told] == [
        ("approval", "refund", '{"amount":5}', "approval"), ("approval", "mail", '{"to":"a"}', "approval"),
    ]  # fmt: skip


def test_an_interrupt_that_is_no_request_for_an_approval_tells_of_none():
    stop = "(Interrupt(value={'question': 'which order?'}, id='1'),)"
    scope = "openinference.instrumentation.langchain"
    rows = interrupted(stop, "langgraph.errors.GraphInterrupt", {"openinference.span.kind": "CHAIN"}, scope)
    assert [row["control_flow"] for row in rows] == ["interrupt"]


def test_a_strands_agent_that_waits_names_the_calls_that_it_stopped():
    interrupts = [
        {
            "id": "v1:before_tool_call:call_3:0c90d674-19cd-5b90",
            "name": "approval",
            "reason": "money",
            "response": None,
        },
        {"id": "v1:node:7", "name": "pause", "reason": None, "response": None},
    ]
    answer = event("gen_ai.choice", message=repr(interrupts), finish_reason="interrupt")
    attributes = {"gen_ai.operation.name": "invoke_agent"}
    _, *told = rows_of(span("invoke_agent a", attributes=attributes, events=[answer]), scope="strands.telemetry.tracer")
    assert [(row["type"], row["tool"], row["tool_call_id"]) for row in told] == [
        ("approval", "approval", "call_3"), ("approval", "pause", None),
    ]  # fmt: skip


def test_agent_frameworks_answer_names_the_calls_that_it_asks_a_person_for():
    call = {"type": "function_call", "call_id": "call_3", "name": "refund", "arguments": '{"amount":5}'}
    parts = [
        {"type": "tool_call", "id": "call_3", "name": "refund"},
        {"type": "function_approval_request", "function_call": call},
    ]
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.output.messages": orjson.dumps([{"role": "assistant", "parts": parts}]).decode(),
    }
    _, told = rows_of(span("invoke_agent a", attributes=attributes), scope="agent_framework")
    assert (told["type"], told["tool"], told["tool_call_id"], told["arguments"]) == (
        "approval", "refund", "call_3", '{"amount":5}',
    )  # fmt: skip


LLAMA_INDEX = "openinference.instrumentation.llama_index"


def test_what_llama_index_hands_a_tool_beside_the_models_arguments_is_none_of_them():
    sent = {"kwargs": {"amount": 5, "ctx": "<workflows.context.context.Context object at 0x7fe1>"}}
    attributes = {"openinference.span.kind": "TOOL", "tool.name": "refund", "input.value": orjson.dumps(sent).decode()}
    row = row_of(span("FunctionTool.acall", attributes=attributes), scope=LLAMA_INDEX)
    assert row["arguments"] == '{"amount":5}'


def test_an_answer_that_llama_index_cut_off_before_its_end_is_unknown():
    said = "StopEvent(result=AgentOutput(response=ChatMessage(blocks=[TextBlock(block_type='text', text='Your 39.90 ..."
    attributes = {"openinference.span.kind": "CHAIN", "output.value": said}
    assert row_of(span("FunctionAgent.run", attributes=attributes), scope=LLAMA_INDEX)["output"] is None


def test_a_run_of_llama_index_before_version_014_is_answered_in_json_and_asked_nothing_that_is_told():
    said = {"response": {"role": "assistant", "blocks": [{"text": "It is on its way."}]}, "current_agent_name": "a"}
    attributes = {
        "openinference.span.kind": "CHAIN", "output.value": orjson.dumps(said).decode(),
        "input.value": '{"ctx": "<workflows.context.context.Context object at 0x7fe0>", "start_event": "StartEvent()"}',
    }  # fmt: skip
    row = row_of(span("FunctionAgent.run", attributes=attributes), scope=LLAMA_INDEX)
    assert (row["type"], row["input"], row["output"]) == ("agent", None, "It is on its way.")


def test_a_tool_of_strands_says_by_a_status_of_its_own_that_it_failed():
    answer = event("gen_ai.choice", message='[{"text": "Error: OrderError - no answer"}]', id="c1")
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup", "tool.status": "error"}
    row = row_of(
        span("execute_tool lookup", status=1, attributes=attributes, events=[answer]), scope="strands.telemetry.tracer"
    )
    assert (row["error"], row["error_type"], row["error_message"]) == (True, "OrderError", "no answer")


@pytest.mark.parametrize(("end", "answer"), [("FinalAnswerStep(output='It\\'s sent.')", "It's sent."), ("", None)])
def test_the_answer_of_a_smolagents_stream_is_its_final_step(end, answer):
    said = f"ChatMessageStreamDelta(content='It', tool_calls=None)ActionStep(step_number=1){end}"
    attributes = {"openinference.span.kind": "AGENT", "output.value": said}
    scope = "openinference.instrumentation.smolagents"
    assert row_of(span("support.run", attributes=attributes), scope=scope)["output"] == answer


def test_langsmith_tells_the_reads_from_the_cache_in_the_metadata_alone():
    usage = {"input_tokens": 522, "input_token_details": {"cache_read": 64}, "output_token_details": {"reasoning": 3}}
    attributes = {
        "langsmith.span.kind": "llm", "gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 14,
        "langsmith.metadata.usage_metadata": orjson.dumps(usage).decode(),
    }  # fmt: skip
    row = row_of(span("ChatOpenAI", attributes=attributes), scope="langsmith")
    assert (row["input_tokens"], row["cache_read_tokens"], row["reasoning_tokens"]) == (500, 64, 3)


@pytest.mark.parametrize(
    ("raw", "cached"),
    [
        ("ChatCompletion(content='cached_tokens=9', usage=CompletionUsage(details=D(cached_tokens=64)))", 64),
        ("ChatCompletion(content=', usage=CompletionUsage(cached_tokens=9)', usage=None)", None),
        ("ChatCompletion(content='cached_tokens=9', usage=CompletionUsage(prompt_tokens=7))", None),
        ("ChatCompletion(content='cached_tokens=9')", None),
    ],
)
def test_smolagents_tells_the_reads_from_the_cache_in_the_clients_own_words(raw, cached):
    said = orjson.dumps({"role": "assistant", "raw": raw}).decode()
    attributes = {"openinference.span.kind": "LLM", "output.value": said, "llm.token_count.prompt": 70}
    row = row_of(span("Model.generate", attributes=attributes), scope="openinference.instrumentation.smolagents")
    assert row["cache_read_tokens"] == cached


def test_a_client_for_any_endpoint_of_one_form_is_no_provider():
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openailike"}
    assert row_of(span(attributes=attributes))["provider"] is None


def test_haystacks_agent_has_the_model_that_answered_it_and_what_was_read_from_the_cache():
    def answered(model: str, cached: int | None) -> str:
        usage = {"prompt_tokens": 9, "prompt_tokens_details": cached and {"cached_tokens": cached}}
        return f"ASSISTANT: 'assistant'>, _content=[TextContent(text='x')], _meta={ {'model': model, 'usage': usage} })"

    def agent(*messages: str) -> dict[str, object]:
        said = [f"ChatMessage(_role=<ChatRole.{each}" for each in messages]
        spent = {"messages": said, "token_usage": {"prompt_tokens": 90, "completion_tokens": 5}}
        attributes = {"openinference.span.kind": "CHAIN", "output.value": orjson.dumps(spent).decode()}
        return row_of(span("Agent.run", attributes=attributes), scope=HAYSTACK)

    asked = "USER: 'user'>, _content=[TextContent(text='again')])"
    row = agent(answered("old", 7), asked, answered("gpt-4o-mini", None), answered("gpt-4o-mini", 64))
    assert (row["model"], row["input_tokens"], row["cache_read_tokens"]) == ("gpt-4o-mini", 90, 64)
    row = agent(asked, answered("a", 1), answered("b", 1))
    assert (row["model"], row["input_tokens"], row["cache_read_tokens"]) == (None, 90, None)


def test_a_message_that_is_half_in_openais_form_has_the_calls_that_stand_beside_its_parts():
    asked = {"id": "call_1a2b3c4d5e", "type": "function", "function": {"name": "lookup", "arguments": '{"id":7}'}}
    sent = [
        {"role": "assistant", "parts": [{"type": "text", "content": "Wait."}], "tool_calls": [asked]},
        {"role": "tool", "parts": [{"type": "text", "content": "here"}], "tool_call_id": "call_1a2b3c4d5e"},
    ]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": orjson.dumps(sent).decode()}
    call, told = rows_of(span(attributes=attributes), scope="litellm")
    assert (told["tool"], told["arguments"], told["result"]) == ("lookup", '{"id":7}', "here")
    assert orjson.loads(call["input"])[0]["parts"][0] == {"type": "text", "content": "Wait."}


@pytest.mark.parametrize(("status", "failed"), [("", False), (" status='error'", True)])
def test_a_tool_message_as_python_prints_it_is_its_content(status, failed):
    said = f"content='it\\'s here' name='lookup' tool_call_id='call_1'{status}"
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "lookup",
        "gen_ai.tool.call.result": said,
    }
    row = row_of(span(attributes=attributes), scope="openlit.instrumentation.langchain")
    assert (row["result"], row["tool_call_id"], row["error"]) == ("it's here", "call_1", failed)


def test_openlits_second_tree_of_a_langgraph_is_no_step():
    node = {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "langgraph", "gen_ai.agent.name": "model"}
    scope = "openlit.instrumentation.langgraph"
    assert row_of(span(attributes={**node, "gen_ai.usage.input_tokens": 9}), scope=scope)["type"] == "none"
    assert row_of(span(attributes={**node, "gen_ai.provider.name": "langchain"}), scope=scope)["type"] == "agent"
    found = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.document_count": 0}
    assert row_of(span(attributes=found), scope=scope)["document_count"] == 0


def test_an_answer_that_logfire_streams_is_the_log_that_tells_it():
    asked = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "async": False, "request_data": '{"model":"m"}',
        "logfire.msg_template": "Chat Completion with {request_data[model]!r}", "logfire.span_type": "span",
    }  # fmt: skip
    told = {
        **asked, "logfire.span_type": "log", "duration": 0.5, "gen_ai.usage.input_tokens": 9,
        "logfire.msg_template": "streaming response from {request_data[model]!r} took {duration:.2f}s",
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Done."}]}]',
    }  # fmt: skip
    begun = span(attributes=asked, id=1)
    head, log = rows_of(
        begun, span(attributes=told, id=2, start=START + 10**9, end=START + 10**9), scope="logfire.openai"
    )
    assert (head["type"], log["type"], log["output"], log["input_tokens"]) == ("none", "llm_call", "Done.", 9)
    assert log["started_at"].value == START + 5 * 10**8
    answered = {**asked, "gen_ai.output.messages": told["gen_ai.output.messages"]}
    assert row_of(span(attributes=answered), scope="logfire.openai")["type"] == "llm_call"
    assert row_of(span(attributes=asked, status=2), scope="logfire.openai")["type"] == "llm_call"


def logfires_agent(template, **attributes):
    return span(
        name=template,
        parent=attributes.pop("parent", 7),
        status=attributes.pop("status", 0),
        end=START + attributes.pop("took", 10**9),
        attributes={"logfire.msg_template": template, "logfire.span_type": "span", **attributes},
    )


@pytest.mark.parametrize(
    ("template", "attributes", "step", "name"),
    [
        ("OpenAI Agents trace: {name}", {"name": "Support", "parent": None}, "workflow", "Support"),
        ("Task: Support", {"name": "Support"}, "other", "Support"),
        ("Task: Support", {"name": "Support", "parent": None}, "workflow", "Support"),
        ("Agent run: {name!r}", {"name": "helper"}, "agent", "helper"),
        ("Function: {name}", {"name": "lookup", "input": '{"id": 7}', "output": "here"}, "tool_call", "lookup"),
        ("Handoff: {from_agent} → {to_agent}", {"from_agent": "a", "to_agent": "b"}, "handoff", "handoff to b"),
        ("Guardrail {name!r} {triggered=}", {"name": "polite", "triggered": False}, "guardrail", "polite"),
        ("Custom span: {name}", {"name": "warm up"}, "other", "warm up"),
    ],
)
def test_the_agents_sdk_under_logfire_says_its_steps_by_their_templates(template, attributes, step, name):
    row = row_of(logfires_agent(template, **attributes), scope="logfire.openai_agents")
    assert (row["type"], row["step_name"], row["flags"]) == (step, name, [])


def test_turns_and_lists_of_tools_of_the_agents_sdk_under_logfire_are_no_steps():
    for template in ("Turn {turn} for agent helper", "MCP: list tools from server {server}"):
        assert row_of(logfires_agent(template, name="turn"), scope="logfire.openai_agents")["type"] == "none"


def test_logfires_list_of_a_responses_call_is_what_was_sent_and_then_what_was_answered():
    events = [
        {"event.name": "gen_ai.system.message", "content": "Help.", "role": "system"},
        {"event.name": "gen_ai.user.message", "content": "Hello", "role": "user"},
        {"event.name": "gen_ai.assistant.message", "content": "Good day", "role": "assistant"},
    ]
    response = {"id": "r", "output": [{"type": "message", "role": "assistant", "content": "Good day"}]}
    call = {
        "events": orjson.dumps(events).decode(), "response": orjson.dumps(response).decode(), "gen_ai.response.model": "m",
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 90,
        "usage": '{"input_tokens":90,"input_tokens_details":{"cached_tokens":64}}',
    }  # fmt: skip
    row = row_of(logfires_agent("Responses API with {gen_ai.request.model!r}", **call), scope="logfire.openai_agents")
    assert [message["role"] for message in orjson.loads(row["input"])] == ["system", "user"]
    assert (row["user_message"], row["output"]) == ("Hello", "Good day")
    assert (row["input_tokens"], row["cache_read_tokens"]) == (90, 64)


def test_an_error_of_the_agents_sdk_under_logfire_is_told_by_its_own_words():
    told = '{"message":"Error running tool (non-fatal)","data":{"tool_name":"lookup","error":"OSError: gone"}}'
    failed = logfires_agent("Function: {name}", name="lookup", input="{}", output="sorry", error=told, status=2)
    row = row_of(failed, scope="logfire.openai_agents")
    assert (row["error"], row["error_type"], row["error_message"]) == (True, "OSError", "gone")


def test_a_call_under_logfire_that_gives_nothing_at_once_waits_for_a_person():
    silent = {"name": "refund", "input": "{}", "output": "null"}
    row = row_of(logfires_agent("Function: {name}", took=1000, **silent), scope="logfire.openai_agents")
    assert (row["type"], row["control_flow"], row["flags"], row["result"]) == (
        "approval",
        "approval",
        ["guessed"],
        None,
    )
    assert row_of(logfires_agent("Function: {name}", **silent), scope="logfire.openai_agents")["type"] == "tool_call"


@pytest.mark.parametrize(("group", "session"), [("chat-7", "chat-7"), ("[Scrubbed due to 'session']", None)])
def test_what_logfire_scrubbed_is_nobodys_session(group, session):
    row = row_of(logfires_agent("OpenAI Agents trace: {name}", group_id=group), scope="logfire.openai_agents")
    assert row["session_id"] == session
    assert row_of(span(attributes={"logfire.span_type": "span", "session.id": group}))["session_id"] == session


def mlflows(name, kind, inputs="null", outputs="null", /, **attributes):
    told = {"mlflow.spanType": f'"{kind}"', "mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs}
    parent = attributes.pop("parent", 7)
    return row_of(
        span(name=name, parent=parent, status=1, attributes={**told, **attributes}), scope="mlflow.tracing.provider"
    )


def test_a_run_of_the_agents_sdk_under_mlflow_is_the_workflow_and_has_its_group_as_session():
    settings = {"run_config": {"workflow_name": "Support", "group_id": "chat-7"}}
    root = {"mlflow.openai.agent_run_root": "true", "kwargs": orjson.dumps(settings).decode(), "parent": None}
    row = mlflows("AgentRunner.run", "AGENT", '"Hello"', '"Good day"', **root)
    assert (row["type"], row["step_name"], row["workflow"]) == ("workflow", "Support", "Support")
    assert (row["session_id"], row["input"], row["output"]) == ("chat-7", "Hello", "Good day")
    row = mlflows("AgentRunner.run", "AGENT", '{"_current_turn": 3, "_original_input": "Hello"}', **root)
    assert row["input"] == "Hello"
    row = mlflows("AgentRunner.run", "AGENT", '"Hello"', parent=None, **{"mlflow.openai.agent_run_root": "true"})
    assert (row["type"], row["step_name"], row["session_id"]) == ("workflow", "AgentRunner.run", None)


def test_turns_handoffs_and_agents_of_the_agents_sdk_under_mlflow():
    assert mlflows("Unknown", "CHAIN")["type"] == "none"
    assert mlflows("Unknown", "CHAIN", "null", '"here"')["type"] == "other"
    row = mlflows("Handoff", "CHAIN", '{"from_agent": "a"}', '{"to_agent": "b"}')
    assert (row["type"], row["step_name"]) == ("handoff", "handoff to b")
    assert mlflows("Handoff", "CHAIN", '{"a": 1}', '{"b": 2}')["type"] == "other"
    row = mlflows("helper", "AGENT", "null", '{"output_type": "str"}', handoffs="[]", output_type='"str"')
    assert (row["type"], row["agent"], row["output"]) == ("agent", "helper", None)


def test_a_model_call_of_the_agents_sdk_under_mlflow_is_read_out_of_the_items_of_the_responses_api():
    sent = [
        {"role": "user", "content": "Hello"},
        {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": '{"id":7}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "here"},
    ]
    answered = [{"type": "function_call", "call_id": "call_2", "name": "refund", "arguments": "{}"}]
    row = mlflows(
        "Response", "CHAT_MODEL", orjson.dumps(sent).decode(), orjson.dumps(answered).decode(), id='"resp_1"',
        instructions='"Help."', model='"m-1"', usage='{"input_tokens":90,"input_tokens_details":{"cached_tokens":64}}',
        **{"mlflow.message.format": '"openai-agent"'},
    )  # fmt: skip
    assert [message["role"] for message in orjson.loads(row["input"])] == ["system", "user", "assistant", "tool"]
    assert (row["asked_tools"], row["asked_call_ids"], row["user_message"]) == (["refund"], ["call_2"], "Hello")
    assert (row["model"], row["step_name"], row["response_id"]) == ("m-1", "m-1", "resp_1")
    assert (row["input_tokens"], row["cache_read_tokens"]) == (90, 64)


def test_pydantic_ais_spans_with_openinferences_names_are_read_as_its_own():
    raised = exception("pydantic_ai.exceptions.ToolRetryError", "OSError: gone")
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup", "openinference.span.kind": "TOOL"}
    row = row_of(span(attributes=tool, status=2, events=[raised]), scope="pydantic-ai")
    assert (row["type"], row["error_type"], row["error_message"]) == ("tool_call", "OSError", "gone")
    announced = {**tool, "logfire.span_type": "pending_span"}
    del announced["openinference.span.kind"]
    assert row_of(span(attributes=announced), scope="pydantic-ai")["type"] == "none"


def openlits_crew(name, status=1, **attributes):
    return row_of(span(name, status=status, attributes=attributes), scope="openlit.instrumentation.crewai")


def test_what_openlit_sees_of_a_crew_is_named_by_its_spans_also_where_they_failed():
    said = '[{"role":"assistant","parts":[{"type":"text","content":"<coroutine object Flow.run at 0x7f4c>"}]}]'
    method = {"gen_ai.operation.name": "invoke_agent", "gen_ai.output.messages": said}
    assert openlits_crew("invoke_agent finalize", **method)["type"] == "none"
    assert openlits_crew("invoke_workflow AgentExecutor", 2, **{"error.type": "OSError"})["type"] == "none"
    row = openlits_crew("invoke_agent clerk", 2, **{"error.type": "OSError"})
    assert (row["type"], row["agent"], row["error_type"]) == ("agent", "clerk", "OSError")
    row = openlits_crew("invoke_workflow refunds", 2, **{"error.type": "OSError"})
    assert (row["type"], row["workflow"]) == ("workflow", "refunds")
    row = openlits_crew("execute_tool Delegate work to coworker", **{"gen_ai.operation.name": "execute_tool"})
    assert (row["type"], row["tool"]) == ("handoff", "delegate_work_to_coworker")


def test_tokens_that_openlit_guessed_of_a_stream_are_not_known():
    call = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 91, "gen_ai.usage.output_tokens": 7}

    def tokens(**more):
        row = row_of(span(attributes={**call, **more}), scope="openlit.instrumentation.openai")
        return row["input_tokens"], row["output_tokens"]

    assert tokens(**{"gen_ai.request.stream": True}) == (None, None)
    assert tokens(**{"gen_ai.request.stream": True, "gen_ai.usage.cache_read.input_tokens": 0}) == (91, 7)
    assert tokens(**{"gen_ai.request.stream": False}) == (91, 7)


def test_a_run_of_langsmiths_without_outputs_has_no_result():
    tool = {"langsmith.span.kind": "tool", "gen_ai.completion": "{}"}
    assert row_of(span("refund", attributes=tool), scope="langsmith")["result"] is None
    assert row_of(span("refund", attributes={**tool, "gen_ai.completion": '{"output":"done"}'}), scope="langsmith")[
        "result"
    ] not in (None, "{}")


def test_a_program_of_dspys_under_mlflow():
    assert mlflows("Predict.forward", "LLM")["type"] == mlflows("Tool.finish", "TOOL")["type"] == "none"
    row = mlflows("Tool.lookup", "TOOL", '{"id": 7}', '"here"', name='"lookup"')
    assert (row["type"], row["tool"], row["result"]) == ("tool_call", "lookup", "here")
    said = '{"trajectory": {"thought_0": "…"}, "reasoning": "So it is.", "reply": "Done."}'
    row = mlflows("ReAct.forward", "AGENT", '{"ticket": "Broken."}', said)
    assert (row["agent"], row["step_name"], row["input"], row["output"]) == ("ReAct", "ReAct", "Broken.", "Done.")
    assert mlflows("Support.forward", "CHAIN", parent=None)["workflow"] == "Support"
    named = {"mlflow.llm.model": '"openai/gpt-4o-mini"', "mlflow.llm.provider": '"openai"'}
    assert mlflows("LM.__call__", "CHAT_MODEL", **named)["model"] == "gpt-4o-mini"


def llama_indexs(role, *blocks, **more):
    return {"role": role, "additional_kwargs": more, "blocks": [{"block_type": "text", **block} for block in blocks]}


def test_llama_indexs_methods_values_and_messages_under_mlflow():
    for plumbing in ("FunctionAgent.call_tool", "OpenAI._prepare_chat_with_tools"):
        assert mlflows(plumbing, "LLM")["type"] == "none"
    output = {"blocks": [{"block_type": "text", "text": "here"}], "tool_name": "lookup", "is_error": False}
    given = '{"kwargs": {"id": 7, "ctx": "<workflows.context.context.Context object at 0x7f1c>"}}'
    row = mlflows("FunctionTool.acall", "TOOL", given, orjson.dumps(output).decode(), name='"lookup"')
    assert (row["tool"], row["arguments"], row["result"]) == ("lookup", '{"id":7}', "here")
    assert mlflows("FunctionTool.acall", "TOOL", name='"handoff"')["type"] == "handoff"
    row = mlflows("HelpCenter._retrieve", "RETRIEVER", '{"query_bundle": {"query_str": "refunds"}}', "[]")
    assert (row["step_name"], row["merge_key"], row["query"]) == ("HelpCenter", "HelpCenter", "refunds")
    run = {"result": {"response": llama_indexs("assistant", {"text": "Done."}), "current_agent_name": "clerk"}}
    row = mlflows("FunctionAgent.run", "AGENT", '{"user_msg": "Broken."}', orjson.dumps(run).decode())
    assert (row["agent"], row["input"], row["output"]) == ("clerk", "Broken.", "Done.")
    row = mlflows("AgentWorkflow.run", "CHAIN", '{"user_msg": "Broken."}', orjson.dumps(run).decode())
    assert (row["type"], row["agent"]) == ("agent", "AgentWorkflow")
    asked = {"block_type": "tool_call", "tool_call_id": "call_1", "tool_name": "lookup", "tool_kwargs": '{"id": 7}'}
    sent = [llama_indexs("user", {"text": "Broken."}), llama_indexs("tool", {"text": "here"}, tool_call_id="call_0")]
    said = {"message": llama_indexs("assistant", asked)}
    told = {"usage": '{"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}'}
    row = mlflows("OpenAI.achat", "LLM", *(orjson.dumps(each).decode() for each in ({"messages": sent}, said)), **told)
    assert [message["parts"][0].get("response") for message in orjson.loads(row["input"])] == [None, "here"]
    assert (row["asked_tools"], row["asked_call_ids"]) == (["lookup"], ["call_1"])
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (9, 2, 4)


def test_what_smolagents_tells_under_mlflow_of_agents_and_tools():
    settings = {"agent_name": '"ToolCallingAgent"', "name": '"clerk"'}
    row = mlflows("ToolCallingAgent.run", "AGENT", '{"task": "Broken."}', '{"_value": "Done."}', **settings)
    assert (row["agent"], row["input"], row["output"]) == ("clerk", "Broken.", "Done.")
    given = '{"sanitize_inputs_outputs": true, "kwargs": {"id": 7}}'
    row = mlflows("SimpleTool.__call__", "TOOL", given, '{"_value": "here"}')
    assert (row["tool"], row["step_name"], row["arguments"], row["result"]) == (None, "SimpleTool", '{"id":7}', "here")
    assert mlflows("FinalAnswerTool.__call__", "TOOL")["type"] == "none"


def test_an_object_of_pythons_is_no_output():
    assert mlflows("f", "AGENT", "1", '"<generator object f at 0x7f28>"')["output"] is None
    assert mlflows("f", "AGENT", "1", '"<b>bold</b>"')["output"] == "<b>bold</b>"
