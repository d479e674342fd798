"""LangGraph under OpenLIT."""

from __future__ import annotations

from frameworks.agents import langgraph, openlit
from frameworks.agents.langgraph import answer
from frameworks.agents.openlit import OWN_TELEMETRY, flush, instrument
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=langgraph.FRAMEWORK.name,
    requirements=(*langgraph.FRAMEWORK.requirements, openlit.REQUIREMENT),
    setups=(Setup("openlit"),),
)
IMPORTS = (*langgraph.IMPORTS, "openlit")
