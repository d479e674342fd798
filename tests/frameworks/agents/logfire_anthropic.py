"""The anthropic client in a loop of one's own, through the Logfire SDK."""

from __future__ import annotations

from frameworks.agents import logfire, plain_anthropic
from frameworks.agents.logfire import flush
from frameworks.agents.plain_anthropic import MODEL, answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "MODEL", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=logfire.FRAMEWORK.name,
    requirements=("logfire>=4.20,<6", *plain_anthropic.FRAMEWORK.requirements),
    setups=(Setup("anthropic", not_emitted=plain_anthropic.FRAMEWORK.setups[0].not_emitted),),
    without=plain_anthropic.FRAMEWORK.without,
)
IMPORTS = ("logfire", *plain_anthropic.IMPORTS)
OWN_TELEMETRY = logfire.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    import logfire

    logfire.configure(send_to_logfire=False, service_name="support-agent", service_version="1.4.0", console=False)
    logfire.instrument_anthropic()
