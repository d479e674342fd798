"""The openai client in a loop of one's own, through the Logfire SDK."""

from __future__ import annotations

from frameworks.agents import logfire, plain_openai
from frameworks.agents.logfire import flush
from frameworks.agents.plain_openai import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=logfire.FRAMEWORK.name,
    requirements=("logfire>=4.20,<6", *plain_openai.FRAMEWORK.requirements),
    setups=(Setup("openai", not_emitted=plain_openai.APART),),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = ("logfire", *plain_openai.IMPORTS)
OWN_TELEMETRY = logfire.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    import logfire

    logfire.configure(send_to_logfire=False, service_name="support-agent", service_version="1.4.0", console=False)
    logfire.instrument_openai()
