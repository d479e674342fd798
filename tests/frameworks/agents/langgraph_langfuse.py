"""LangGraph through Langfuse's callback handler."""

from __future__ import annotations

from frameworks.agents import langfuse, langgraph
from frameworks.agents.langfuse import flush, instrument
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=langgraph.FRAMEWORK.name,
    requirements=(*langgraph.FRAMEWORK.requirements, "langfuse>=4,<6"),
    setups=(
        Setup(
            "langfuse",
            environment={"OTEL_SERVICE_NAME": "support-agent"},
            not_emitted=langfuse.FRAMEWORK.setups[0].not_emitted,
        ),
    ),
)
IMPORTS = (*langgraph.IMPORTS, "langfuse.langchain")
OWN_TELEMETRY = langfuse.OWN_TELEMETRY


async def answer(desk: Desk) -> str:
    from langfuse.langchain import CallbackHandler

    metadata = {"langfuse_session_id": desk.session_id, "langfuse_user_id": desk.user_id}
    return await langgraph.play(desk, metadata, callbacks=[CallbackHandler()])
