"""LangGraph under MLflow's autolog, exported over OTLP."""

from __future__ import annotations

from frameworks.agents import langgraph, mlflow
from frameworks.agents.mlflow import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=langgraph.FRAMEWORK.name,
    requirements=(*langgraph.FRAMEWORK.requirements, "mlflow>=3.6,<4"),
    setups=(Setup("mlflow", environment=mlflow.ENVIRONMENT),),
)
IMPORTS = (*langgraph.IMPORTS, "mlflow.langchain")
OWN_TELEMETRY = mlflow.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    mlflow.export()
    import mlflow.langchain as autologged

    autologged.autolog()


async def answer(desk: Desk) -> str:
    from mlflow.tracing import context

    with context(session_id=desk.session_id, user=desk.user_id):
        return await langgraph.answer(desk)
