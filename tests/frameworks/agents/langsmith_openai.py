"""The openai client in a loop of one's own, wrapped by LangSmith, which exports over OTLP."""

from __future__ import annotations

from frameworks.agents import langchain, plain_openai
from frameworks.agents.plain_openai import converse
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name=plain_openai.FRAMEWORK.name,
    requirements=plain_openai.FRAMEWORK.requirements,
    setups=(
        Setup(
            "langsmith",
            langchain.LANGSMITH,
            environment=langchain.LANGSMITH_ENVIRONMENT,
            not_emitted=plain_openai.APART,
            variants=("v01", "v02_", "v06_"),
        ),
    ),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = (*plain_openai.IMPORTS, "langsmith.wrappers")


def instrument(setup: str) -> None:
    del setup


def answer(desk: Desk) -> str | None:
    import openai
    from langsmith.wrappers import wrap_openai

    client = wrap_openai(openai.OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted"))
    return converse(client, desk, {tool.__name__: tool for tool in (desk.search_help, *desk.tools)})


def flush() -> None:
    from langsmith.run_trees import get_cached_client

    from frameworks import telemetry

    get_cached_client().flush()  # a thread of its own makes the spans
    telemetry.flush()
