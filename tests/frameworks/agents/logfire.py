"""Pydantic AI through the Logfire SDK, which exports over OTLP where an endpoint is set."""

from __future__ import annotations

from frameworks.agents import pydantic_ai
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name="Logfire",
    requirements=("logfire>=4.20,<6", "pydantic-ai-slim[openai]>=2.40,<3"),
    setups=(Setup("pydantic-ai"),),
)
IMPORTS = ("logfire", *pydantic_ai.IMPORTS)
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup
    import logfire

    logfire.configure(send_to_logfire=False, service_name="support-agent", service_version="1.4.0", console=False)
    logfire.instrument_pydantic_ai()


async def answer(desk: Desk) -> str:
    return await pydantic_ai.answer(desk)


def flush() -> None:
    import logfire

    logfire.force_flush()
