"""OpenAI Agents SDK, seen by OpenTelemetry's instrumentation: where it is installed, OpenLLMetry's of its name cannot be."""

from __future__ import annotations

from frameworks.agents import openai_agents
from frameworks.agents.openai_agents import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "answer", "instrument"]

FRAMEWORK = Framework(
    name=openai_agents.FRAMEWORK.name,
    requirements=openai_agents.FRAMEWORK.requirements,
    setups=(
        Setup(
            "otel-v2",
            ("opentelemetry-instrumentation-openai-agents-v2>=0.1,<0.2", "openinference-instrumentation<0.2"),
            not_emitted={
                f"{variant}/{fact}": openai_agents.HELD for variant in ("v10a", "v10b") for fact in ("steps", "tools")
            },
        ),
    ),
    without=openai_agents.FRAMEWORK.without,
)
IMPORTS = openai_agents.IMPORTS


def instrument(setup: str) -> None:
    del setup
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    OpenAIAgentsInstrumentor().instrument()
