"""CrewAI's own tracing of an execution, with an OTLP exporter of one's own."""

from __future__ import annotations

import os

from frameworks.agents import crewai
from frameworks.agents.crewai import IMPORTS
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "instrument"]

FRAMEWORK = Framework(
    name=crewai.FRAMEWORK.name,
    requirements=("crewai>=1.15,<2", "openinference-instrumentation>=0.1,<1"),
    setups=(Setup("native"),),
    without=crewai.FRAMEWORK.without,
    handoff=crewai.FRAMEWORK.handoff,
)
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup


def answer(desk: Desk) -> str:
    import uuid

    from crewai.telemetry.tracing import telemetry_session
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from frameworks import telemetry

    exporter = OTLPSpanExporter(endpoint=f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces")
    known = {"gen_ai.conversation.id": desk.session_id, "user.id": desk.user_id}
    with telemetry_session(
        str(uuid.uuid4()), "support", exporters=[exporter], resource=telemetry.resource(), attributes=known
    ):
        return crewai.answer(desk)
