"""The openai client in a loop of one's own, through Langfuse's drop-in for it."""

from __future__ import annotations

from frameworks.agents import langfuse, plain_openai
from frameworks.agents.langfuse import OWN_TELEMETRY, flush, instrument
from frameworks.agents.plain_openai import converse
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=plain_openai.FRAMEWORK.name,
    requirements=langfuse.FRAMEWORK.requirements,
    setups=(
        Setup(
            "langfuse",
            environment={"OTEL_SERVICE_NAME": "support-agent"},
            not_emitted={**plain_openai.APART, **langfuse.FRAMEWORK.setups[0].not_emitted},
            variants=("v01_", "v02_", "v05_", "v06_", "v09_"),
        ),
    ),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = langfuse.IMPORTS


def answer(desk: Desk) -> str | None:
    from langfuse.openai import OpenAI

    client = OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    return converse(client, desk, {tool.__name__: tool for tool in (desk.search_help, *desk.tools)})
