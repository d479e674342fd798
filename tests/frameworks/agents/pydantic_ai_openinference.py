"""Pydantic AI's own spans with OpenInference's attributes added, as its processor does it before the export."""

from __future__ import annotations

import os

from frameworks.agents import pydantic_ai
from frameworks.agents.pydantic_ai import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "instrument"]

FRAMEWORK = Framework(
    name=pydantic_ai.FRAMEWORK.name,
    requirements=pydantic_ai.FRAMEWORK.requirements,
    setups=(Setup("openinference", ("openinference-instrumentation-pydantic-ai>=0.1.30,<0.2",)),),
)
IMPORTS = pydantic_ai.IMPORTS
OWN_TELEMETRY = True  # the processor has to see a span before the exporter does


def instrument(setup: str) -> None:
    from openinference.instrumentation.pydantic_ai import OpenInferenceSpanProcessor
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from frameworks import telemetry

    provider = TracerProvider(resource=telemetry.resource())
    provider.add_span_processor(OpenInferenceSpanProcessor())
    exporter = OTLPSpanExporter(endpoint=f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    pydantic_ai.instrument(setup)
