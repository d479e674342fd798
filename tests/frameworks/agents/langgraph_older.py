"""LangGraph 0.6 with LangChain 0.3, played as `langgraph`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import langgraph
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v08", "v09", "v10a")
FRAMEWORK = dataclasses.replace(
    langgraph.FRAMEWORK,
    name="LangGraph 0.6",
    requirements=("langgraph>=0.6,<0.7", "langchain>=0.3,<0.4", "langchain-openai>=0.3,<0.4", *OLDER_TELEMETRY),
    setups=(
        Setup("openinference", ("openinference-instrumentation-langchain==0.1.50",), variants=_VARIANTS),
        Setup(
            "openllmetry",
            ("opentelemetry-instrumentation-langchain>=0.47,<0.48",),
            not_emitted={"steps": "a retriever has no span"},
            variants=_VARIANTS,
        ),
    ),
)
IMPORTS, instrument, answer = langgraph.IMPORTS, langgraph.instrument, langgraph.answer
