"""smolagents under MLflow's autolog, exported over OTLP."""

from __future__ import annotations

from frameworks.agents import mlflow, smolagents
from frameworks.agents.mlflow import flush
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=smolagents.FRAMEWORK.name,
    requirements=(*smolagents.FRAMEWORK.requirements, "mlflow>=3.6,<4", "openinference-instrumentation>=0.1,<1"),
    setups=(
        Setup(
            "mlflow",
            environment=mlflow.ENVIRONMENT,
            not_emitted={
                "tools": "a tool is told by the name of its class",
                "v02/failing step": "a tool is told by the name of its class",
                "v01s/output": "of a stream its generator is sent",
                "v08/steps": smolagents.FRAMEWORK.setups[0].not_emitted["v08/steps"],
            },
            variants=("v01", "v02_", "v08_"),
        ),
    ),
    without=smolagents.FRAMEWORK.without,
    handoff=smolagents.FRAMEWORK.handoff,
)
IMPORTS = (*smolagents.IMPORTS, "mlflow.smolagents")
OWN_TELEMETRY = mlflow.OWN_TELEMETRY


def instrument(setup: str) -> None:
    del setup
    mlflow.export()
    import mlflow.smolagents as autologged

    autologged.autolog()


def answer(desk: Desk) -> str:
    from mlflow.tracing import context

    with context(session_id=desk.session_id, user=desk.user_id):
        return smolagents.answer(desk)
