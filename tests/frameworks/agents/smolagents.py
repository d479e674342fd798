"""smolagents' ToolCallingAgent; seen by OpenInference."""

from __future__ import annotations

from typing import Any, get_type_hints

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

_NO_APPROVAL = "it has no approvals"
FRAMEWORK = Framework(
    name="smolagents",
    requirements=("smolagents[openai]>=1.24,<2",),
    setups=(
        Setup(
            "openinference",
            ("openinference-instrumentation-smolagents>=0.1.40,<0.2",),
            not_emitted={
                "v08/steps": "a managed agent is called like a tool and seen as an agent inside the step",
                "v06/status": "the root span is not exported when the run raises",
                "v06/failing step": "the root span is not exported when the run raises: it runs until it is abandoned",
            },
        ),
        through_instrument("smolagents"),
    ),
    without={
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v10a_approval_approved": _NO_APPROVAL,
        "v10b_approval_rejected": _NO_APPROVAL,
    },
    handoff=ToolCall("refund_agent", {"task": "Refund the broken kettle of order A-1042."}),
)
IMPORTS = ("smolagents",)
_JSON_TYPES = {str: "string", float: "number"}


def instrument(setup: str) -> None:
    del setup
    from openinference.instrumentation.smolagents import SmolagentsInstrumentor

    SmolagentsInstrumentor().instrument()


def answer(desk: Desk) -> str:
    return play(desk, "ToolCallingAgent")


def play(desk: Desk, kind: str) -> str:
    """The run by an agent of this class."""
    from openinference.instrumentation import using_session, using_user

    agent = _team(desk, kind) if desk.variant.hands_over else _agent(desk, kind, "support_agent")
    with using_session(desk.session_id), using_user(desk.user_id):
        if desk.variant.streams:
            *_, last = agent.run(desk.ticket, stream=True)
            return str(last.output)
        return str(agent.run(desk.ticket))


def _agent(desk: Desk, kind: str, name: str) -> Any:
    import smolagents

    return getattr(smolagents, kind)(
        [_tool(tool) for tool in (desk.search_help, *desk.tools)],
        _model(desk),
        instructions=desk.instructions,
        max_steps=desk.limit,
        stream_outputs=desk.variant.streams,
        name=name,
        description="Handles refunds.",
        verbosity_level=smolagents.LogLevel.OFF,
    )


def _team(desk: Desk, kind: str) -> Any:
    import smolagents

    return getattr(smolagents, kind)(
        [], _model(desk), managed_agents=[_agent(desk, kind, "refund_agent")], name="triage_agent",
        description="Hands over.", verbosity_level=smolagents.LogLevel.OFF,
    )  # fmt: skip


def _model(desk: Desk) -> Any:
    from smolagents import OpenAIModel

    return OpenAIModel(desk.model, api_base=f"{desk.model_url}/v1", api_key="scripted")


def _tool(function: Any) -> Any:
    from smolagents import Tool

    hints = {name: kind for name, kind in get_type_hints(function).items() if name != "return"}

    class Wrapped(Tool):
        name = function.__name__
        description = function.__doc__
        inputs = {key: {"type": _JSON_TYPES[kind], "description": key} for key, kind in hints.items()}  # noqa: RUF012
        output_type = "any"
        skip_forward_signature_validation = True

        def forward(self, **arguments: Any) -> Any:
            return function(**arguments)

    return Wrapped()
