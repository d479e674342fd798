"""OpenAI Agents SDK through the Logfire SDK."""

from __future__ import annotations

import contextlib

from frameworks.agents import logfire, openai_agents
from frameworks.agents.logfire import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=openai_agents.FRAMEWORK.name,
    requirements=("logfire>=4.20,<6", *openai_agents.FRAMEWORK.requirements),
    setups=(Setup("logfire"),),
    without=openai_agents.FRAMEWORK.without,
)
IMPORTS = ("logfire", *openai_agents.IMPORTS)
OWN_TELEMETRY = logfire.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    import logfire

    logfire.configure(
        send_to_logfire=False,
        service_name="support-agent",
        service_version="1.4.0",
        console=False,
        scrubbing=False,  # the story's session ids begin with a word that is scrubbed
    )
    logfire.instrument_openai_agents()


async def answer(desk: Desk) -> str:
    return await openai_agents.play(desk, lambda _: contextlib.nullcontext())
