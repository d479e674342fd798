"""Haystack: a retriever and an Agent in a pipeline; seen by its own tracing, and by OpenInference alone and with the client's."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_OPENINFERENCE = "openinference-instrumentation-haystack>=0.1.40,<0.2"
_UNTYPED = {"errors": "of an error its message is sent, and not its type"}
_SILENT = "an agent that ends in an error sends none of its messages, and its calls have no spans"
FRAMEWORK = Framework(
    name="Haystack",
    requirements=("haystack-ai>=3,<4",),
    setups=(
        Setup(
            "openinference",
            (_OPENINFERENCE,),
            not_emitted={**_UNTYPED, "v06/steps": _SILENT, "v06/tools": _SILENT},
        ),
        Setup(
            "openinference+openai",
            (_OPENINFERENCE, "openinference-instrumentation-openai>=0.1.50,<0.2"),
            not_emitted=_UNTYPED,
        ),
        Setup(
            "native",
            ("opentelemetry-haystack>=2,<3",),
            environment={"HAYSTACK_CONTENT_TRACING_ENABLED": "true"},
            not_emitted={
                "v02b/errors": "of a tool's error its message is sent; its type stands in the traceback of the run"
            },
        ),
        through_instrument("haystack"),
    ),
    without={
        "v08_handoff": "an agent is a component; the pipeline hands over",
        "v10a_approval_approved": "the core Agent has no approvals",
        "v10b_approval_rejected": "the core Agent has no approvals",
    },
)
IMPORTS = ("haystack", "haystack.components.agents", "haystack.components.generators.chat", "haystack.tools")


def instrument(setup: str) -> None:
    if setup == "native":
        from haystack import tracing
        from haystack_integrations.tracing.opentelemetry import OpenTelemetryTracer
        from opentelemetry.trace import get_tracer

        tracing.enable_tracing(OpenTelemetryTracer(get_tracer("haystack")))
        return
    from openinference.instrumentation.haystack import HaystackInstrumentor

    HaystackInstrumentor().instrument()
    if setup.endswith("+openai"):
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()


def answer(desk: Desk) -> str:
    from haystack import Pipeline
    from openinference.instrumentation import using_session, using_user

    from frameworks.agents.haystack_retriever import HelpCenterRetriever

    pipeline = Pipeline()
    pipeline.add_component("retriever", HelpCenterRetriever(desk.search_help))
    pipeline.add_component("support_agent", _agent(desk))
    pipeline.connect("retriever.documents", "support_agent.documents")
    with using_session(desk.session_id), using_user(desk.user_id):
        result = pipeline.run(
            {"retriever": {"query": desk.ticket}, "support_agent": {"messages": [], "question": desk.ticket}}
        )
    return result["support_agent"]["last_message"].text or ""  # stopped by its limit, it has not answered


def _agent(desk: Desk) -> Any:
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.tools import create_tool_from_function
    from haystack.utils import Secret

    generator = OpenAIChatGenerator(
        api_key=Secret.from_token("scripted"),
        model=desk.model,
        api_base_url=f"{desk.model_url}/v1",
        generation_kwargs={"stream_options": {"include_usage": True}} if desk.variant.streams else None,
    )
    return Agent(
        chat_generator=generator,
        tools=[create_tool_from_function(_free(tool)) for tool in desk.tools],
        system_prompt=desk.instructions,
        user_prompt="{% message role='user' %}{{ question }}\n\nHelp articles:\n"
        "{% for each in documents %}{{ each.content }}\n{% endfor %}{% endmessage %}",
        max_agent_steps=desk.limit,
        streaming_callback=(lambda chunk: None) if desk.variant.streams else None,
        raise_on_tool_invocation_failure=desk.variant.name.startswith("v02b"),
    )


def _free(tool: Any) -> Any:
    """A function for the method, its annotations evaluated."""
    import functools
    from typing import get_type_hints

    @functools.wraps(tool)
    def function(**named: Any) -> Any:
        return tool(**named)

    function.__annotations__ = get_type_hints(tool)
    return function
