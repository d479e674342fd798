"""LangChain's create_agent under the Traceloop SDK, which traces the openai client below it, too."""

from __future__ import annotations

from frameworks.agents import langchain, traceloop
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name=langchain.FRAMEWORK.name,
    requirements=(*langchain.FRAMEWORK.requirements, "traceloop-sdk>=0.60,<0.70"),
    setups=(Setup("traceloop", variants=("v01_", "v06_")),),
    without=langchain.FRAMEWORK.without,
)
IMPORTS = (*langchain.IMPORTS, "traceloop.sdk")
OWN_TELEMETRY = traceloop.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    traceloop.start("LANGCHAIN", "OPENAI")


async def answer(desk: Desk) -> str:
    from traceloop.sdk import Traceloop

    Traceloop.set_association_properties({"session_id": desk.session_id, "user_id": desk.user_id})
    return await langchain.play(desk, nodes_a_turn=langchain.WRAPPED_NODES)
