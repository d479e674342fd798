"""OpenAI Agents SDK under MLflow's autolog, exported over OTLP."""

from __future__ import annotations

import contextlib
from typing import Any

from frameworks.agents import mlflow, openai_agents
from frameworks.agents.mlflow import flush, instrument
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

_HELD = "a call held for a person looks like one that ran and gave nothing"
FRAMEWORK = Framework(
    name=openai_agents.FRAMEWORK.name,
    requirements=(*openai_agents.FRAMEWORK.requirements, "mlflow>=3.6,<4"),
    setups=(
        Setup(
            "mlflow",
            environment=mlflow.ENVIRONMENT,
            not_emitted={f"{variant}/{fact}": _HELD for variant in ("v10a", "v10b") for fact in ("steps", "tools")},
        ),
    ),
    without=openai_agents.FRAMEWORK.without,
)
IMPORTS = (*openai_agents.IMPORTS, "mlflow.openai")
OWN_TELEMETRY = mlflow.OWN_TELEMETRY


async def answer(desk: Desk) -> str:
    return await openai_agents.play(desk, _session)


def _session(desk: Desk) -> contextlib.AbstractContextManager[Any]:
    from mlflow.tracing import context

    return context(session_id=desk.session_id, user=desk.user_id)
