"""Pydantic AI; seen by its own instrumentation and through the Logfire SDK."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

FRAMEWORK = Framework(
    name="Pydantic AI",
    requirements=("pydantic-ai-slim[openai]>=2.40,<3",),
    converses=True,
    setups=(
        Setup("native"),
        Setup("native-v2"),
        Setup("native+openai", ("opentelemetry-instrumentation-openai>=0.62,<0.63",)),
        through_instrument("pydantic-ai"),
    ),
)
IMPORTS = ("pydantic_ai", "pydantic_ai.models.openai")


def instrument(setup: str) -> None:
    from pydantic_ai import Agent, InstrumentationSettings

    if setup.endswith("+openai"):
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()

    Agent.instrument_all(InstrumentationSettings(version=2) if setup == "native-v2" else True)


async def answer(desk: Desk) -> str:
    from pydantic_ai import DeferredToolRequests, UsageLimits

    agent = _team(desk) if desk.variant.hands_over else _support(desk)
    options: dict[str, Any] = {
        "usage_limits": UsageLimits(request_limit=desk.limit),
        **_conversation(desk),
        **({"message_history": _history(desk)} if desk.history else {}),
    }
    if desk.variant.streams:
        async with agent.run_stream(desk.ticket, **options) as result:
            return str(await result.get_output())
    result = await agent.run(desk.ticket, **options)
    if isinstance(result.output, DeferredToolRequests):
        result = await _decided(desk, agent, result, options)
    return str(result.output)


def _history(desk: Desk) -> list[Any]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    return [
        ModelRequest([UserPromptPart(words)]) if role == "user" else ModelResponse([TextPart(words)])
        for role, words in desk.history
    ]


def _conversation(desk: Desk) -> dict[str, str]:
    """What tells a run its session, which version 1 knew nothing of."""
    import inspect

    from pydantic_ai import Agent

    return {"conversation_id": desk.session_id} if "conversation_id" in inspect.signature(Agent.run).parameters else {}


async def _decided(desk: Desk, agent: Any, result: Any, options: dict[str, Any]) -> Any:
    from pydantic_ai import DeferredToolResults, ToolDenied

    decisions = DeferredToolResults()
    for call in result.output.approvals:
        approved = desk.approves(call.tool_name)
        decisions.approvals[call.tool_call_id] = approved or ToolDenied("a colleague did not approve this refund")
    return await agent.run(message_history=result.all_messages(), deferred_tool_results=decisions, **options)


def _support(desk: Desk, name: str = "support_agent") -> Any:
    from pydantic_ai import Agent, DeferredToolRequests, Tool

    held = bool(desk.variant.decision)
    tools = [
        Tool(_told(desk, tool), requires_approval=held and tool.__name__ == "issue_refund", max_retries=2)
        for tool in (desk.search_help, *desk.tools)
    ]
    return Agent(
        _model(desk),
        name=name,
        instructions=desk.instructions,
        tools=tools,
        output_type=[str, DeferredToolRequests] if held else str,
    )


def _told(desk: Desk, tool: Any) -> Any:
    """The tool with its errors told to the model, as one does it here: ModelRetry."""
    import functools

    from pydantic_ai import ModelRetry

    if desk.variant.name.startswith("v02b"):
        return tool

    @functools.wraps(tool)
    def telling(**arguments: Any) -> Any:
        try:
            return tool(**arguments)
        except Exception as error:
            raise ModelRetry(f"{type(error).__name__}: {error}") from error

    return telling


def _team(desk: Desk) -> Any:
    """Delegation: the refund agent is a tool of the triage agent."""
    from pydantic_ai import Agent

    refunds = _support(desk, "refund_agent")
    triage = Agent(_model(desk), name="triage_agent", instructions="Hand refunds over.")

    @triage.tool_plain
    async def transfer_to_refund_agent() -> str:
        """Hand the conversation over to the refund agent."""
        return str((await refunds.run(desk.ticket, **_conversation(desk))).output)

    return triage


def _model(desk: Desk) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(desk.model, provider=OpenAIProvider(base_url=f"{desk.model_url}/v1", api_key="scripted"))
