"""Pydantic AI's own tracing, exported through the Langfuse SDK."""

from __future__ import annotations

from frameworks.agents import langfuse, pydantic_ai
from frameworks.agents.langfuse import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=pydantic_ai.FRAMEWORK.name,
    requirements=(*pydantic_ai.FRAMEWORK.requirements, "langfuse>=4,<6"),
    setups=(Setup("native+langfuse", environment={"OTEL_SERVICE_NAME": "support-agent"}, variants=("v01_", "v02_")),),
    without=pydantic_ai.FRAMEWORK.without,
)
IMPORTS = (*pydantic_ai.IMPORTS, "langfuse")
OWN_TELEMETRY = langfuse.OWN_TELEMETRY


def instrument(setup: str) -> None:
    langfuse.instrument(setup)
    pydantic_ai.instrument("native")


async def answer(desk: Desk) -> str:
    from langfuse import propagate_attributes

    with propagate_attributes(session_id=desk.session_id, user_id=desk.user_id):
        return await pydantic_ai.answer(desk)
