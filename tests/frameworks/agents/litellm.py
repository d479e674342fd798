"""LiteLLM's client in a loop of one's own; seen by OpenInference."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from frameworks.agents import plain_openai
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

FRAMEWORK = Framework(
    name="LiteLLM",
    requirements=("litellm>=1.80,<2",),
    setups=(
        Setup("openinference", ("openinference-instrumentation-litellm>=0.1.28,<0.2",), not_emitted=plain_openai.APART),
        Setup("otel", not_emitted=plain_openai.APART),
        through_instrument("litellm", plain_openai.APART),
    ),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = ("litellm",)


def instrument(setup: str) -> None:
    if setup == "otel":
        import litellm

        litellm.callbacks = ["otel"]
        return
    from openinference.instrumentation.litellm import LiteLLMInstrumentor

    LiteLLMInstrumentor().instrument()


def answer(desk: Desk) -> str | None:
    import litellm

    def create(**request: Any) -> Any:
        return litellm.completion(
            **{**request, "model": f"openai/{desk.model}"},
            api_base=f"{desk.model_url}/v1",
            api_key="scripted",
            max_retries=2,
        )

    client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    return plain_openai.converse(client, desk, {tool.__name__: tool for tool in (desk.search_help, *desk.tools)})
