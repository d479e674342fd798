"""smolagents' CodeAgent, whose model writes Python that calls the tools; seen by OpenInference."""

from __future__ import annotations

from frameworks.agents import smolagents
from frameworks.agents.smolagents import IMPORTS, instrument
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "answer", "instrument"]

_OPENINFERENCE = smolagents.FRAMEWORK.setups[0]
FRAMEWORK = Framework(
    name="smolagents (CodeAgent)",
    requirements=smolagents.FRAMEWORK.requirements,
    setups=(
        Setup(
            "openinference",
            _OPENINFERENCE.requirements,
            not_emitted=_OPENINFERENCE.not_emitted,
            variants=("v01", "v02_", "v06_", "v07_", "v08_", "v09_"),
        ),
    ),
    without=smolagents.FRAMEWORK.without,
    handoff=smolagents.FRAMEWORK.handoff,
)


def answer(desk: Desk) -> str:
    return smolagents.play(desk, "CodeAgent")
