"""DSPy under MLflow's autolog, exported over OTLP."""

from __future__ import annotations

from frameworks.agents import dspy, mlflow
from frameworks.agents.mlflow import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=dspy.FRAMEWORK.name,
    requirements=(*dspy.FRAMEWORK.requirements, "mlflow>=3.6,<4", "openinference-instrumentation>=0.1,<1"),
    setups=(
        Setup(
            "mlflow",
            environment=mlflow.ENVIRONMENT,
            not_emitted={"cost": "tokens are told of the whole program, without a model"},
            variants=("v01_", "v02_", "v06_", "v07_"),
        ),
    ),
    without=dspy.FRAMEWORK.without,
)
IMPORTS = (*dspy.IMPORTS, "mlflow.dspy")
OWN_TELEMETRY = mlflow.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    mlflow.export()
    import mlflow.dspy as autologged

    autologged.autolog()


def answer(desk: Desk) -> str:
    from mlflow.tracing import context

    with context(session_id=desk.session_id, user=desk.user_id):
        return dspy.answer(desk)
