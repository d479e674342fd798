"""The Traceloop SDK: a loop of one's own with its decorators, and OpenLLMetry for the openai client."""

from __future__ import annotations

import os
from typing import Any

from frameworks.agents.plain_openai import converse
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name="Traceloop SDK",
    requirements=("traceloop-sdk>=0.60,<0.70", "openai>=2.20,<3"),
    setups=(Setup("decorators"),),
    without={
        "v02b_tool_error_crashes_run": "the loop is one's own",
        "v08_handoff": "the loop is one's own",
        "v10a_approval_approved": "it records no approvals",
        "v10b_approval_rejected": "it records no approvals",
    },
)
IMPORTS = ("traceloop.sdk", "openai")
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup
    start("OPENAI")


def start(*instruments: str) -> None:
    """The SDK with these of its instrumentations."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from traceloop.sdk import Traceloop
    from traceloop.sdk.instruments import Instruments

    exporter = OTLPSpanExporter(endpoint=f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces")
    Traceloop.init(
        app_name="support-agent",
        exporter=exporter,
        telemetry_enabled=False,
        instruments={Instruments[name] for name in instruments},
    )


def answer(desk: Desk) -> str | None:
    import openai
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import tool, workflow

    client = openai.OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    tools: dict[str, Any] = {
        function.__name__: tool(name=function.__name__)(function) for function in (desk.search_help, *desk.tools)
    }

    @workflow(name="support_agent")
    def support_agent(ticket: str) -> str | None:
        del ticket
        return converse(client, desk, tools)

    Traceloop.set_association_properties({"session_id": desk.session_id, "user_id": desk.user_id})
    return support_agent(desk.ticket)
