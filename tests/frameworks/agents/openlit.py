"""The openai client in a loop of one's own, under OpenLIT, which sets OpenTelemetry up itself."""

from __future__ import annotations

import os

from frameworks.agents import plain_openai
from frameworks.agents.plain_openai import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

UNSENT = dict.fromkeys(
    ("v06/steps", "v06/tools"), "of a call that failed no messages are sent: nothing tells that the tool ran"
)
REQUIREMENT = "openlit>=1.45,<2"
FRAMEWORK = Framework(
    name=plain_openai.FRAMEWORK.name,
    requirements=(*plain_openai.FRAMEWORK.requirements, REQUIREMENT),
    setups=(Setup("openlit", not_emitted={**plain_openai.APART, **UNSENT}, variants=("v01", "v02_", "v06_")),),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = (*plain_openai.IMPORTS, "openlit")
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup
    import openlit

    openlit.init(
        otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        service_name="support-agent",
        environment="test",
        disable_metrics=True,
        pricing_json="",
    )


def flush() -> None:
    from opentelemetry import trace

    trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]
