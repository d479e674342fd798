"""Haystack through its integration of Langfuse."""

from __future__ import annotations

import os

from frameworks.agents import haystack
from frameworks.agents.langfuse import OWN_TELEMETRY, flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=haystack.FRAMEWORK.name,
    requirements=(*haystack.FRAMEWORK.requirements, "langfuse-haystack>=8,<9", "openinference-instrumentation>=0.1,<1"),
    setups=(
        Setup(
            "langfuse",
            environment={
                "OTEL_SERVICE_NAME": "support-agent",
                "HAYSTACK_CONTENT_TRACING_ENABLED": "true",
                "LANGFUSE_PUBLIC_KEY": "pk",
                "LANGFUSE_SECRET_KEY": "sk",
            },
            not_emitted={
                **haystack.FRAMEWORK.setups[2].not_emitted,
                "v01/cost": "what was read from the cache is told in the agent's output alone",
            },
            variants=("v01_", "v02", "v06_", "v07_"),
        ),
    ),
    without=haystack.FRAMEWORK.without,
)
IMPORTS = (*haystack.IMPORTS, "haystack_integrations.components.connectors.langfuse")


def instrument(setup: str) -> None:
    del setup
    from haystack_integrations.components.connectors.langfuse import LangfuseConnector
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    LangfuseConnector(
        "support",
        host=endpoint,
        langfuse_client_kwargs={"span_exporter": OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")},
    ).warm_up()


def answer(desk: Desk) -> str:
    from langfuse import propagate_attributes

    with propagate_attributes(session_id=desk.session_id, user_id=desk.user_id):
        return haystack.answer(desk)
