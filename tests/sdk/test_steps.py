import asyncio
import gc
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

import whichstep
from whichstep import attributes as names


def test_a_tool_as_context_manager_says_name_arguments_and_result(whichstep_spans):
    with whichstep.tool("lookup_order", arguments={"order": "A-17"}, call_id="c1") as call:
        call.result({"status": "shipped"})
    span = whichstep_spans.one("lookup_order")
    assert span["name"] == "execute_tool lookup_order"
    assert span["type"] == "tool_call"
    assert span["attributes"][names.OPERATION] == "execute_tool"
    assert json.loads(span["attributes"][names.TOOL_ARGUMENTS]) == {"order": "A-17"}
    assert json.loads(span["attributes"][names.TOOL_RESULT]) == {"status": "shipped"}
    assert span["attributes"][names.TOOL_CALL_ID] == "c1"
    assert span["status"] == "unset"


def test_a_decorated_function_keeps_its_name_and_its_value(whichstep_spans):
    @whichstep.tool
    def lookup_order(order, *, deep=False):
        """Finds an order.

        More words.
        """
        return order, deep

    assert lookup_order.__name__ == "lookup_order"
    assert lookup_order("A-17", deep=True) == ("A-17", True)
    span = whichstep_spans.one("lookup_order")
    assert json.loads(span["attributes"][names.TOOL_ARGUMENTS]) == {"order": "A-17", "deep": True}
    assert span["attributes"][names.TOOL_DESCRIPTION] == "Finds an order."


def test_methods_class_methods_and_static_methods_leave_self_out(whichstep_spans):
    class Desk:
        @whichstep.tool
        def one(self, a):
            return a

        @whichstep.tool
        @classmethod
        def two(cls, a):
            return cls.__name__, a

        @classmethod
        @whichstep.tool
        def three(cls, a):
            return a

        @whichstep.tool("renamed")
        @staticmethod
        def four(a, *rest):
            return a, rest

    assert (Desk().one(1), Desk.two(2), Desk.three(3), Desk.four(4, 5)) == (1, ("Desk", 2), 3, (4, (5,)))
    arguments = {span["step"]: json.loads(span["attributes"][names.TOOL_ARGUMENTS]) for span in whichstep_spans.spans}
    assert arguments == {"one": {"a": 1}, "two": {"a": 2}, "three": {"a": 3}, "renamed": {"a": 4, "rest": [5]}}


async def test_async_functions_and_async_with(whichstep_spans):
    @whichstep.agent("planner")
    async def plan(goal):
        async with whichstep.step("think", input=goal) as step:
            await asyncio.sleep(0)
            step.output("thought").summary("thought about it")
        return "plan"

    assert await plan("refund") == "plan"
    agent, step = whichstep_spans.spans
    assert (agent["name"], agent["attributes"][names.AGENT_NAME]) == ("invoke_agent planner", "planner")
    assert step["parent_span_id"] == agent["span_id"]
    assert agent["attributes"][names.INPUT] == "refund"
    assert step["attributes"][names.STEP_SUMMARY] == "thought about it"


async def test_concurrent_tasks_do_not_mix(whichstep_spans):
    @whichstep.agent
    async def worker(number):
        with whichstep.tool(f"tool{number}"):
            await asyncio.sleep(0.01)

    await asyncio.gather(*(worker(number) for number in range(5)))
    spans = whichstep_spans.spans
    parents = {span["span_id"]: span["attributes"][names.INPUT] for span in spans if span["step"] == "worker"}
    tools = [span for span in spans if span["type"] == "tool_call"]
    assert len(tools) == 5
    for span in tools:
        assert span["step"] == f"tool{parents[span['parent_span_id']]}"


def test_a_generator_is_one_step_that_ends_with_its_stream(whichstep_spans):
    @whichstep.step("answer")
    def stream(n):
        with whichstep.tool("inside"):
            yield "a"
        for _ in range(n):
            yield "b"
        return "returned"

    with whichstep.task("chat"):
        outside = trace.get_current_span()
        generator = stream(2)
        assert next(generator) == "a"
        assert trace.get_current_span() is outside, "the consumer's context is its own between two items"
        assert list(generator) == ["b", "b"]
    task, step, inside = whichstep_spans.spans
    assert step["parent_span_id"] == task["span_id"]
    assert inside["parent_span_id"] == step["span_id"]
    assert step["attributes"][names.OUTPUT] == "returned"


def test_a_stream_of_text_becomes_the_output(whichstep_spans):
    @whichstep.step
    def words():
        yield "hello "
        yield "world"

    assert "".join(words()) == "hello world"
    assert whichstep_spans.one("words")["attributes"][names.OUTPUT] == "hello world"


def test_values_and_exceptions_can_be_sent_into_a_generator(whichstep_spans):
    @whichstep.step
    def echo():
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "caught"

    generator = echo()
    assert next(generator) == 1
    assert generator.send("x") == "x"
    assert generator.throw(KeyError("k")) == "caught"
    generator.close()
    span = whichstep_spans.one("echo")
    assert span["attributes"][names.CONTROL_FLOW] == "cancelled"
    assert span["status"] == "unset"


def test_an_abandoned_generator_ends_its_step_without_a_word(whichstep_spans, caplog):
    @whichstep.step
    def numbers():
        with whichstep.step("inner"):
            yield 1
            yield 2

    generator = numbers()
    next(generator)
    del generator
    gc.collect()
    assert [span["attributes"][names.CONTROL_FLOW] for span in whichstep_spans.spans] == ["cancelled", "cancelled"]
    assert not caplog.records


def test_a_generator_that_is_never_started_is_no_step(whichstep_spans):
    @whichstep.step
    def never():
        yield 1

    never().close()
    never()
    gc.collect()
    assert whichstep_spans.spans == []


async def test_async_generators_stream_and_can_be_abandoned(whichstep_spans, caplog):
    caplog.set_level(logging.WARNING)

    @whichstep.step
    async def tokens():
        with whichstep.tool("fetch"):
            await asyncio.sleep(0)
            yield "a"
        yield "b"
        yield "c"

    collected = [token async for token in tokens()]
    assert collected == ["a", "b", "c"]

    async def abandon():
        async for _ in tokens():
            break

    await asyncio.create_task(abandon())
    gc.collect()
    await asyncio.sleep(0.01)
    whole, cut = whichstep_spans.named("tokens")
    assert whole["attributes"][names.OUTPUT] == "abc"
    assert cut["attributes"][names.CONTROL_FLOW] == "cancelled"
    assert "detach" not in caplog.text


async def test_a_step_inside_an_undecorated_async_generator_that_is_abandoned_says_nothing(whichstep_spans, caplog):
    async def users_own():
        with whichstep.step("open while yielding"):
            yield 1
            yield 2

    generator = users_own()
    await anext(generator)
    await asyncio.create_task(generator.aclose())  # ends in another context than it began in
    assert "detach" not in caplog.text
    assert len(whichstep_spans.spans) == 1


async def test_a_stream_consumed_after_its_handler_returned_belongs_to_the_handlers_execution(whichstep_spans):
    @whichstep.step
    async def body():
        yield "late"

    @whichstep.task("request")
    async def handler():
        return body()

    stream = await handler()
    assert [part async for part in stream] == ["late"]
    assert whichstep_spans.one("body")["parent_span_id"] == whichstep_spans.one("request")["span_id"]


def test_an_exception_is_recorded_once_and_raised_unchanged(whichstep_spans):
    error = ValueError("no such order")

    @whichstep.tool
    def lookup():
        raise error

    with pytest.raises(ValueError, match="no such order") as raised, whichstep.task("refund"), whichstep.agent("desk"):
        lookup()
    assert raised.value is error
    spans = whichstep_spans.spans
    assert [span["status"] for span in spans] == ["error"] * 3
    assert [span["attributes"][names.ERROR_TYPE] for span in spans] == ["ValueError"] * 3
    assert [len(span["events"]) for span in spans] == [0, 0, 1]
    (event,) = spans[2]["events"]
    assert event["attributes"]["exception.message"] == "no such order"
    assert "lookup" in event["attributes"]["exception.stacktrace"]
    assert spans[2]["message"] == "no such order"


class GraphInterrupt(Exception):  # noqa: N818  the name is LangGraph's
    """Stands for LangGraph's, which is told by its name."""


@pytest.mark.parametrize(
    ("error", "flow"),
    [
        (asyncio.CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (SystemExit(0), "cancelled"),
        (GraphInterrupt("ask a person"), "interrupt"),
    ],
)
def test_control_flow_is_no_error(whichstep_spans, error, flow):
    with pytest.raises(type(error)), whichstep.tool("ask"):
        raise error
    span = whichstep_spans.one("ask")
    assert (span["status"], span["events"]) == ("unset", [])
    assert span["attributes"][names.CONTROL_FLOW] == flow
    assert names.ERROR_TYPE not in span["attributes"]


def test_a_pool_needs_the_context_to_be_carried(whichstep_spans):
    def work(number):
        with whichstep.tool(f"tool{number}"):
            return whichstep.current_execution_id()

    with whichstep.task("batch") as execution, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(whichstep.carry(work), range(20)))
    assert found == [execution.execution_id] * 20
    assert {span["execution_id"] for span in whichstep_spans.spans} == {execution.execution_id}


def test_observe_serves_every_kind(whichstep_spans):
    for kind in ("task", "step", "agent", "tool", "llm", "retrieval", "guardrail", "embedding"):

        @whichstep.observe(kind=kind)
        def observed(x):
            return x

        observed("v")
    types = [span["type"] for span in whichstep_spans.spans]
    assert types == ["workflow", "other", "agent", "tool_call", "llm_call", "retrieval", "guardrail", "embedding"]
    assert {span["step"] for span in whichstep_spans.spans} == {"observed"}


def test_observe_without_arguments_is_a_step(whichstep_spans):
    @whichstep.observe
    def parse(x):
        return x

    parse(1)
    assert whichstep_spans.one("parse")["type"] == "other"


def test_retrieval_says_query_and_sources(whichstep_spans):
    with whichstep.retrieval(query="refund policy") as step:
        step.sources([{"id": "doc1", "score": 0.9, "content": "30 days"}])
    with whichstep.retrieval("nothing") as step:
        step.sources([])

    @whichstep.retrieval("policy_search")
    def search(question):
        return [("text", 0.5)]

    search("late refund?")
    first, second, third = whichstep_spans.spans
    assert first["attributes"][names.RETRIEVAL_QUERY] == "refund policy"
    assert json.loads(first["attributes"][names.RETRIEVAL_DOCUMENTS]) == [
        {"id": "doc1", "score": 0.9, "content": "30 days"}
    ]
    assert second["attributes"][names.RETRIEVAL_DOCUMENTS] == "[]"
    assert (third["step"], third["attributes"][names.RETRIEVAL_QUERY]) == ("policy_search", "late refund?")


def test_a_model_call_by_hand(whichstep_spans):
    with whichstep.llm(model="gpt-x", provider="openai", system="be kind", parameters={"temperature": 0.1}) as call:
        call.input([{"role": "user", "content": "hi"}]).output("hello")
        call.usage(input_tokens=10, output_tokens=2, cache_read_tokens=4, cost_usd=0.01)
    span = whichstep_spans.one("gpt-x")
    got = span["attributes"]
    assert span["name"] == "chat gpt-x"
    assert got[names.REQUEST_PREFIX + "temperature"] == 0.1
    assert (got[names.INPUT_TOKENS], got[names.OUTPUT_TOKENS], got[names.CACHE_READ_TOKENS]) == (10, 2, 4)
    assert got[names.COST_USD] == 0.01
    assert json.loads(got[names.INPUT_MESSAGES]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert json.loads(got[names.OUTPUT_MESSAGES])[0]["role"] == "assistant"
    assert json.loads(got[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "be kind"}]
    assert names.REASONING_TOKENS not in got, "what is unknown is not 0"


def test_from_inside_a_decorated_function_the_step_can_be_added_to(whichstep_spans):
    @whichstep.step
    def route():
        whichstep.current_step().summary("high risk").set("own.key", 3)

    route()
    got = whichstep_spans.one("route")["attributes"]
    assert (got[names.STEP_SUMMARY], got["own.key"]) == ("high risk", 3)
    assert whichstep.current_step() is None


def test_adding_to_a_step_that_has_ended_does_nothing(whichstep_spans):
    with whichstep.tool("t") as call:
        pass
    call.result("late").summary("late").set("a", 1)
    assert names.TOOL_RESULT not in whichstep_spans.one("t")["attributes"]


def test_a_value_that_is_too_long_is_cut_and_named():
    from whichstep.testing import capture

    with capture(value_characters_max=100) as captured:
        with whichstep.tool("t", arguments={"text": "x" * 1000}) as call:
            call.result("short")
        got = captured.one("t")["attributes"]
    assert got[names.TRUNCATED] == [names.TOOL_ARGUMENTS]
    assert len(got[names.TOOL_ARGUMENTS]) <= 100
    assert got[names.TOOL_RESULT] == "short"


def test_with_content_off_structure_and_tokens_stay_and_words_go():
    from whichstep.testing import capture

    def run():
        with whichstep.task("t", input="secret", id="T-1"):
            with whichstep.llm("m", input="secret") as call:
                call.output(
                    [
                        {
                            "role": "assistant",
                            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "secret"}}],
                        }
                    ]
                )
                call.usage(input_tokens=5)
            with whichstep.retrieval("secret") as step:
                step.sources([{"id": "d", "score": 1.0, "content": "secret"}])
            whichstep.outcome(success=True, output="secret", explanation="secret")
            whichstep.evaluate(name="e", score=1, explanation="secret")
            raise ValueError("secret")

    with capture(capture_content=False) as captured:
        with pytest.raises(ValueError, match="secret"):
            run()
        spans, evaluations = captured.spans, captured.evaluations
    assert "secret" not in json.dumps([spans, evaluations])
    llm, retrieval = spans[1], spans[2]
    assert llm["attributes"][names.INPUT_TOKENS] == 5
    (part,) = json.loads(llm["attributes"][names.OUTPUT_MESSAGES])[0]["parts"]
    assert part == {"type": "tool_call", "id": "1", "name": "f"}
    assert json.loads(retrieval["attributes"][names.RETRIEVAL_DOCUMENTS]) == [{"id": "d", "score": 1.0}]
    assert spans[0]["attributes"][names.ERROR_TYPE] == "ValueError"
    assert spans[0]["attributes"][names.TASK_ID] == "T-1"


def test_secrets_are_redacted_before_anything_is_sent(whichstep_spans):
    key = "sk-" + "proj-abcDEF0123456789abcd"
    with pytest.raises(RuntimeError), whichstep.tool(f"call {key}", arguments={"key": key}):
        raise RuntimeError(f"bad key {key}")
    with whichstep.task("t", metadata={"card": 4111111111111111}):
        whichstep.evaluate(name="e", explanation=key)
    sent = json.dumps([whichstep_spans.spans, whichstep_spans.start_records, whichstep_spans.evaluations])
    assert key not in sent
    assert "4111111111111111" not in sent
    assert "[REDACTED:api_key]" in sent


def test_nothing_raises_into_the_host_when_a_value_breaks(whichstep_spans):
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError("no")

        def __repr__(self):
            raise RuntimeError("no")

    with whichstep.llm(Broken()) as call:
        call.input(Broken()).output(Broken()).response(Broken())
    with whichstep.retrieval(Broken()) as step:
        step.sources(Broken())
    with whichstep.tool("t", arguments=Broken()) as tool:
        tool.result(Broken())
    with whichstep.task("t", metadata={"x": Broken()}, tags=[Broken()]):
        whichstep.outcome(success=True, output=Broken())
    assert len(whichstep_spans.spans) == 4
