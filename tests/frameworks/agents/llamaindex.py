"""LlamaIndex: a retriever, and a FunctionAgent; seen by OpenInference."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

_APART = {"one execution": "retriever and agent are traces of their own, and only the session joins them"}
_UNSENT = "what an exception ends, the root included, is never exported"
FRAMEWORK = Framework(
    name="LlamaIndex",
    requirements=("llama-index-core>=0.14,<0.15", "llama-index-llms-openai-like>=0.5,<1"),
    converses=True,
    setups=(
        Setup(
            "openinference",
            ("openinference-instrumentation-llama-index>=4,<5",),
            not_emitted=_APART,
        ),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-llamaindex>=0.62,<0.63",),
            not_emitted={
                **{f"v06/{fact}": _UNSENT for fact in ("steps", "errors")},
                **{f"{variant}/{fact}": _UNSENT for variant in ("v06", "v07") for fact in ("status", "failing step")},
            },
        ),
        through_instrument("llamaindex", _APART),
    ),
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
    handoff=ToolCall("handoff", {"to_agent": "refund_agent", "reason": "a refund"}),
)
IMPORTS = ("llama_index.core.agent.workflow", "llama_index.llms.openai_like")


def instrument(setup: str) -> None:
    if setup == "openllmetry":
        from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.llama_index import LlamaIndexInstrumentor as Instrumentor
    Instrumentor().instrument()


async def answer(desk: Desk) -> str:
    from openinference.instrumentation import using_session, using_user

    with using_session(desk.session_id), using_user(desk.user_id):
        return await _answer(desk)


async def _answer(desk: Desk) -> str:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent

    found = "" if desk.variant.hands_over else await _articles(desk)
    agent = _team(desk) if desk.variant.hands_over else _agent(desk, "support_agent", found)
    context = Context(agent)
    history = [ChatMessage(words, role=role) for role, words in desk.history]
    handler = agent.run(desk.ticket, chat_history=history or None, ctx=context, max_iterations=desk.limit)
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            said = "yes" if desk.approves("issue_refund") else "no"
            handler.ctx.send_event(HumanResponseEvent(response=said))
    return str(await handler)


async def _articles(desk: Desk) -> str:
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    class HelpCenter(BaseRetriever):
        def _retrieve(self, query_bundle: Any) -> list[Any]:
            return [
                NodeWithScore(node=TextNode(id_=hit["id"], text=hit["content"]), score=hit["score"])
                for hit in desk.search_help(query_bundle.query_str)
            ]

    return "\n\n".join(node.text for node in await HelpCenter().aretrieve(desk.ticket))


def _agent(desk: Desk, name: str, articles: str) -> Any:
    from llama_index.core.agent.workflow import FunctionAgent

    return FunctionAgent(
        name=name,
        description="Handles refunds.",
        tools=_tools(desk),
        llm=_llm(desk),
        system_prompt=f"{desk.instructions}\n\nHelp articles:\n{articles or 'none found'}",
        streaming=desk.variant.streams,
    )


def _team(desk: Desk) -> Any:
    from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent

    triage = FunctionAgent(
        name="triage_agent",
        description="Hands over.",
        tools=[],
        llm=_llm(desk),
        system_prompt="Hand refunds over.",
        can_handoff_to=["refund_agent"],
        streaming=False,
    )
    return AgentWorkflow([triage, _agent(desk, "refund_agent", "")], root_agent="triage_agent")


def _tools(desk: Desk) -> list[Any]:
    from llama_index.core.tools import FunctionTool
    from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent

    async def issue_refund(ctx: Context, order_id: str, amount: float) -> Any:
        """Pay an amount in euros back for an order."""
        asked = InputRequiredEvent(prefix=f"refund {amount} for {order_id}?")
        said = await ctx.wait_for_event(HumanResponseEvent, waiter_id="refund", waiter_event=asked)
        if said.response != "yes":
            return "REJECTED: a colleague did not approve this refund"
        return desk.issue_refund(order_id, amount)

    issue_refund.__annotations__ = {"ctx": Context, "order_id": str, "amount": float}
    return [
        FunctionTool.from_defaults(async_fn=issue_refund)
        if desk.variant.decision and tool.__name__ == "issue_refund"
        else FunctionTool.from_defaults(tool)
        for tool in desk.tools
    ]


def _llm(desk: Desk) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        desk.model,
        api_base=f"{desk.model_url}/v1",
        api_key="scripted",
        is_chat_model=True,
        is_function_calling_model=True,
    )
