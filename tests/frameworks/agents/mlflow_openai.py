"""The openai client in a loop of one's own that nothing else traces, under MLflow's autolog."""

from __future__ import annotations

from frameworks.agents import mlflow, plain_openai
from frameworks.agents.mlflow import flush, instrument
from frameworks.agents.plain_openai import answer
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=plain_openai.FRAMEWORK.name,
    requirements=mlflow.FRAMEWORK.requirements,
    setups=(
        Setup(
            "mlflow", environment=mlflow.ENVIRONMENT, not_emitted=plain_openai.APART, variants=("v01", "v02_", "v06_")
        ),
    ),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = mlflow.IMPORTS
OWN_TELEMETRY = mlflow.OWN_TELEMETRY
