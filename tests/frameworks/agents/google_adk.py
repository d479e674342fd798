"""Google's Agent Development Kit with Gemini; seen by its own spans and log events."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument
from whichstep_cli.demo.stories import ToolCall

FRAMEWORK = Framework(
    name="Google ADK",
    requirements=("google-adk>=2.10,<3",),
    converses=True,
    setups=(
        Setup(
            "native",
            not_emitted={
                f"{variant}/{fact}": "without message capture no tool result is sent"
                for variant, facts in {
                    "v02": ("errors", "failing step"),
                    "v03": ("errors", "recovered"),
                    "v05": ("documents", "failing step"),
                    "v09": ("errors",),
                }.items()
                for fact in facts
            },
        ),
        Setup(
            "native-semconv",
            environment={
                "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
            },
        ),
        Setup(
            "openinference",
            ("openinference-instrumentation-google-adk>=1,<2",),
            not_emitted=dict.fromkeys(
                ("tokens", "cost"), "of an agent's model calls only the last is left on its span"
            ),
        ),
        through_instrument("google-adk"),
    ),
    handoff=ToolCall("transfer_to_agent", {"agent_name": "refund_agent"}),
)
IMPORTS = ("google.adk.agents", "google.adk.runners", "google.adk.tools", "google.adk.models")
MODEL = "gemini-2.5-flash"


def instrument(setup: str) -> None:
    if setup == "openinference":  # beside it, it traces itself to the global providers
        from openinference.instrumentation.google_adk import GoogleADKInstrumentor

        GoogleADKInstrumentor().instrument()


async def answer(desk: Desk) -> str | None:
    from google.adk.events import Event
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    agent = _team(desk) if desk.variant.hands_over else _agent(desk, "support_agent")
    runner = InMemoryRunner(agent=agent, app_name="support")
    session = await runner.session_service.create_session(
        app_name="support", user_id=desk.user_id, session_id=desk.session_id
    )
    for role, words in desk.history:
        said = types.Content(role="user" if role == "user" else "model", parts=[types.Part(text=words)])
        event = Event(author="user" if role == "user" else agent.name, invocation_id="earlier", content=said)
        await runner.session_service.append_event(session, event)
    said, asked = await _run(desk, runner, types.Content(role="user", parts=[types.Part(text=desk.ticket)]))
    if asked is not None:
        confirmed = {"confirmed": desk.approves("issue_refund")}
        response = types.FunctionResponse(id=asked.id, name=asked.name, response=confirmed)
        said, _ = await _run(desk, runner, types.Content(role="user", parts=[types.Part(function_response=response)]))
    return said


async def _run(desk: Desk, runner: Any, message: Any) -> tuple[str | None, Any]:
    """The last words, and the confirmation that is asked for."""
    from google.adk.agents import RunConfig
    from google.adk.agents.run_config import StreamingMode

    mode = StreamingMode.SSE if desk.variant.streams else StreamingMode.NONE
    config = RunConfig(max_llm_calls=desk.limit if desk.variant.loops else 50, streaming_mode=mode)
    said, asked = None, None
    events = runner.run_async(user_id=desk.user_id, session_id=desk.session_id, new_message=message, run_config=config)
    async for event in events:
        for part in (event.content.parts or []) if event.content else []:
            if part.function_call and part.function_call.name == "adk_request_confirmation":
                asked = part.function_call
            if part.text and not event.partial:
                said = part.text
    return said, asked


def _agent(desk: Desk, name: str) -> Any:
    from google.adk.agents import LlmAgent
    from google.adk.tools import FunctionTool

    held = bool(desk.variant.decision)
    tools = [
        FunctionTool(_told(desk, tool), require_confirmation=held and tool.__name__ == "issue_refund")
        for tool in (desk.search_help, *desk.tools)
    ]
    return LlmAgent(
        name=name, model=_model(desk), instruction=desk.instructions, description="Handles refunds.", tools=tools
    )


def _told(desk: Desk, tool: Any) -> Any:
    """The tool with its errors told to the model as ADK's documents advise: a dictionary with a status."""
    import functools

    if desk.variant.name.startswith("v02b"):
        return tool

    @functools.wraps(tool)
    def telling(**arguments: Any) -> Any:
        try:
            return tool(**arguments)
        except Exception as error:
            return {"status": "error", "error_message": f"{type(error).__name__}: {error}"}

    return telling


def _team(desk: Desk) -> Any:
    from google.adk.agents import LlmAgent

    return LlmAgent(
        name="triage_agent",
        model=_model(desk),
        instruction="Hand refunds over.",
        sub_agents=[_agent(desk, "refund_agent")],
    )


def _model(desk: Desk) -> Any:
    from google.adk.models import Gemini
    from google.genai import types

    retries = types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    return Gemini(model=desk.model, base_url=desk.model_url, retry_options=retries)
