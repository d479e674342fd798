"""LangGraph under the Traceloop SDK, which traces LangChain and the openai client below it."""

from __future__ import annotations

from frameworks.agents import langgraph, traceloop
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name=langgraph.FRAMEWORK.name,
    requirements=(*langgraph.FRAMEWORK.requirements, "traceloop-sdk>=0.60,<0.70"),
    setups=(Setup("traceloop", variants=("v01_", "v06_", "v10a_")),),
)
IMPORTS = (*langgraph.IMPORTS, "traceloop.sdk")
OWN_TELEMETRY = traceloop.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    traceloop.start("LANGCHAIN", "OPENAI")


async def answer(desk: Desk) -> str:
    from traceloop.sdk import Traceloop

    Traceloop.set_association_properties({"session_id": desk.session_id, "user_id": desk.user_id})
    return await langgraph.answer(desk)
