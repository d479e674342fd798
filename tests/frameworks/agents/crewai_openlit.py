"""CrewAI under OpenLIT."""

from __future__ import annotations

from frameworks.agents import crewai, openlit, plain_openai
from frameworks.agents.crewai import answer
from frameworks.agents.openlit import OWN_TELEMETRY, flush, instrument
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

_LAST = dict.fromkeys(("v07/steps", "v07/tools"), plain_openai.APART["v07/steps"])
FRAMEWORK = Framework(
    name=crewai.FRAMEWORK.name,
    requirements=(*crewai.FRAMEWORK.requirements, openlit.REQUIREMENT, "openinference-instrumentation>=0.1,<1"),
    setups=(
        Setup("openlit", not_emitted={**openlit.UNSENT, **_LAST}, variants=("v01_", "v02_", "v06_", "v07_", "v08_")),
    ),
    without=crewai.FRAMEWORK.without,
    handoff=crewai.FRAMEWORK.handoff,
)
IMPORTS = (*crewai.IMPORTS, "openlit")
