"""LlamaIndex under MLflow's autolog, exported over OTLP."""

from __future__ import annotations

from frameworks.agents import llamaindex, mlflow
from frameworks.agents.mlflow import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=llamaindex.FRAMEWORK.name,
    requirements=(*llamaindex.FRAMEWORK.requirements, "mlflow>=3.6,<4", "openinference-instrumentation>=0.1,<1"),
    setups=(Setup("mlflow", environment=mlflow.ENVIRONMENT, variants=("v01", "v02_", "v06_", "v07_", "v08_", "v10")),),
    without=llamaindex.FRAMEWORK.without,
    handoff=llamaindex.FRAMEWORK.handoff,
)
IMPORTS = (*llamaindex.IMPORTS, "mlflow.llama_index")
OWN_TELEMETRY = mlflow.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    mlflow.export()
    import mlflow.llama_index as autologged

    autologged.autolog()


async def answer(desk: Desk) -> str:
    from mlflow.tracing import context

    with context(session_id=desk.session_id, user=desk.user_id):
        return await llamaindex.answer(desk)
