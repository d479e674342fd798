"""LangGraph under OpenLIT, which sets OpenTelemetry up itself."""

from __future__ import annotations

import os

from frameworks.agents import langgraph
from frameworks.agents.langgraph import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=langgraph.FRAMEWORK.name,
    requirements=(*langgraph.FRAMEWORK.requirements, "openlit>=1.45,<2"),
    setups=(Setup("openlit"),),
)
IMPORTS = (*langgraph.IMPORTS, "openlit")
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
