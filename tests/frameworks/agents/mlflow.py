"""MLflow tracing, exported over OTLP: a loop of one's own with `@mlflow.trace`, and openai's autolog."""

from __future__ import annotations

import os
from typing import Any

from frameworks.agents.plain_openai import converse
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

ENVIRONMENT = {"OTEL_SERVICE_NAME": "support-agent", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
FRAMEWORK = Framework(
    name="MLflow tracing",
    requirements=("mlflow>=3.6,<4", "openai>=2.20,<3"),  # mlflow-tracing alone lacks what tracing imports
    setups=(Setup("autolog", environment=ENVIRONMENT),),
    without={
        "v02b_tool_error_crashes_run": "the loop is one's own",
        "v08_handoff": "the loop is one's own",
        "v10a_approval_approved": "it records no approvals",
        "v10b_approval_rejected": "it records no approvals",
    },
)
IMPORTS = ("mlflow", "openai")
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup
    export()
    import mlflow

    mlflow.openai.autolog()


def export() -> None:
    """Make MLflow send what it traces to the endpoint; called before it traces anything."""
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces"


def answer(desk: Desk) -> str | None:
    import mlflow
    import openai

    client = openai.OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    tools: dict[str, Any] = {tool.__name__: mlflow.trace(tool, span_type="TOOL") for tool in desk.tools}
    tools = {"search_help": mlflow.trace(desk.search_help, span_type="RETRIEVER"), **tools}

    @mlflow.trace(span_type="AGENT")
    def support_agent(ticket: str) -> str | None:
        del ticket
        mlflow.update_current_trace(
            metadata={"mlflow.trace.session": desk.session_id, "mlflow.trace.user": desk.user_id}
        )
        return converse(client, desk, tools)

    return support_agent(desk.ticket)


def flush() -> None:
    from mlflow.tracing.provider import get_bridged_tracer_provider

    get_bridged_tracer_provider().force_flush()
