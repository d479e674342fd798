"""The Langfuse SDK: a loop of one's own with `@observe` and Langfuse's openai client."""

from __future__ import annotations

import os
from typing import Any

from frameworks.agents.plain_openai import converse
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

FRAMEWORK = Framework(
    name="Langfuse SDK",
    requirements=("langfuse>=4,<6", "openai>=2.20,<3"),
    setups=(
        Setup(
            "observe",
            environment={"OTEL_SERVICE_NAME": "support-agent"},
            not_emitted={"errors": "of an error its message is sent, and not its type"},
        ),
    ),
    without={
        "v02b_tool_error_crashes_run": "the loop is one's own",
        "v08_handoff": "the loop is one's own",
        "v10a_approval_approved": "it records no approvals",
        "v10b_approval_rejected": "it records no approvals",
    },
)
IMPORTS = ("langfuse", "openai")
OWN_TELEMETRY = True


def instrument(setup: str) -> None:
    del setup
    from langfuse import Langfuse
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    Langfuse(public_key="pk", secret_key="sk", base_url=endpoint, span_exporter=exporter)


def answer(desk: Desk) -> str | None:
    from langfuse import observe, propagate_attributes
    from langfuse.openai import OpenAI

    client = OpenAI(base_url=f"{desk.model_url}/v1", api_key="scripted")
    tools: dict[str, Any] = {tool.__name__: observe(tool, as_type="tool") for tool in desk.tools}
    tools = {"search_help": observe(desk.search_help, as_type="retriever"), **tools}

    @observe(as_type="agent")
    def support_agent(ticket: str) -> str | None:
        del ticket
        with propagate_attributes(session_id=desk.session_id, user_id=desk.user_id):
            return converse(client, desk, tools)

    return support_agent(desk.ticket)


def flush() -> None:
    from langfuse import get_client

    get_client().flush()
