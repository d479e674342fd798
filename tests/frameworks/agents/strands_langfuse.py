"""Strands Agents's own tracing, exported through the Langfuse SDK."""

from __future__ import annotations

from frameworks.agents import langfuse, strands
from frameworks.agents.langfuse import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=strands.FRAMEWORK.name,
    requirements=(*strands.FRAMEWORK.requirements, "langfuse>=4,<6"),
    setups=(Setup("native+langfuse", environment={"OTEL_SERVICE_NAME": "support-agent"}, variants=("v01_", "v02_")),),
    without=strands.FRAMEWORK.without,
    handoff=strands.FRAMEWORK.handoff,
)
IMPORTS = (*strands.IMPORTS, "langfuse")
OWN_TELEMETRY = langfuse.OWN_TELEMETRY


def instrument(setup: str) -> None:
    langfuse.instrument(setup)
    strands.instrument("native")


async def answer(desk: Desk) -> str:
    from langfuse import propagate_attributes

    with propagate_attributes(session_id=desk.session_id, user_id=desk.user_id):
        return await strands.answer(desk)
