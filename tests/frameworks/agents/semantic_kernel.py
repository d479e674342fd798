"""Semantic Kernel's ChatCompletionAgent; seen by its own spans, with its model diagnostics on."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

_NO_APPROVAL = "an agent has no approvals"
_PLUGIN = "an agent in another's plugins is called like any tool"
FRAMEWORK = Framework(
    name="Semantic Kernel",
    requirements=("semantic-kernel>=1.40,<2",),
    converses=True,
    setups=(
        Setup(
            "native",
            environment={
                "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS": "true",
                "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "true",
            },
            not_emitted={
                "v01/cost": "reads from the cache stand in the words of a log line alone",
                "v08/steps": _PLUGIN,
                "v08/tools": _PLUGIN,
            },
        ),
        through_instrument("semantic-kernel"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v10a_approval_approved": _NO_APPROVAL,
        "v10b_approval_rejected": _NO_APPROVAL,
    },
    tool_prefix="desk-",
    handoff=ToolCall("refund_agent-refund_agent", {"messages": "Refund the broken kettle of order A-1042."}),
)
IMPORTS = ("semantic_kernel.agents", "semantic_kernel.connectors.ai.open_ai", "semantic_kernel.functions")


def instrument(setup: str) -> None:
    """Its log records carry the messages: the standard library's logging is exported."""
    del setup
    import logging

    from opentelemetry.sdk._logs import LoggingHandler

    logging.getLogger("semantic_kernel").setLevel(logging.INFO)
    logging.getLogger("semantic_kernel").addHandler(LoggingHandler())


async def answer(desk: Desk) -> str:
    agent = _team(desk) if desk.variant.hands_over else _agent(desk, "support_agent", _plugin(desk))
    if desk.variant.streams:
        said = [str(each.content) async for each in agent.invoke_stream(desk.ticket)]
        return "".join(said)
    return str((await agent.get_response(desk.ticket, thread=_thread(desk) if desk.history else None)).content)


def _thread(desk: Desk) -> Any:
    from semantic_kernel.agents import ChatHistoryAgentThread
    from semantic_kernel.contents import ChatHistory

    history = ChatHistory()
    for role, words in desk.history:
        history.add_message({"role": role, "content": words})
    return ChatHistoryAgentThread(history)


def _agent(desk: Desk, name: str, *plugins: Any) -> Any:
    from openai import AsyncOpenAI
    from semantic_kernel.agents import ChatCompletionAgent
    from semantic_kernel.connectors.ai import FunctionChoiceBehavior
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

    client = AsyncOpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    return ChatCompletionAgent(
        service=OpenAIChatCompletion(desk.model, async_client=client),
        name=name,
        description="Handles refunds.",
        instructions=desk.instructions,
        plugins=list(plugins),
        function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=desk.limit),
    )


def _team(desk: Desk) -> Any:
    return _agent(desk, "triage_agent", _agent(desk, "refund_agent", _plugin(desk)))


def _plugin(desk: Desk) -> Any:
    from semantic_kernel.functions import KernelFunctionFromMethod, KernelPlugin, kernel_function

    functions = [
        KernelFunctionFromMethod(kernel_function(_free(tool)), plugin_name="desk")
        for tool in (desk.search_help, *desk.tools)
    ]
    return KernelPlugin("desk", functions=functions)


def _free(tool: Any) -> Any:
    """A function for the method: the decorator writes on what it is given."""
    import functools

    @functools.wraps(tool)
    def function(*arguments: Any, **named: Any) -> Any:
        return tool(*arguments, **named)

    return function
