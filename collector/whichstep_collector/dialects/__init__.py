"""The conventions that agents' spans come in, most specific first: the first that names a span's step decides.

To add one: a module here with a `DIALECT`, and its line below. Columns that need no code are in `fields.py`.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects import (
    autogen,
    crewai,
    generic,
    google_adk,
    langfuse,
    openinference,
    openllmetry,
    otel_genai,
    pydantic_ai,
    transport,
    vercel_ai,
    whichstep_sdk,
)
from whichstep_collector.dialects.base import Dialect

__all__ = ["DIALECTS", "Dialect"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    whichstep_sdk.DIALECT,
    langfuse.DIALECT,
    crewai.DIALECT,
    openinference.DIALECT,
    vercel_ai.DIALECT,
    pydantic_ai.DIALECT,
    google_adk.DIALECT,
    autogen.DIALECT,
    openllmetry.DIALECT,
    otel_genai.DIALECT,
    transport.DIALECT,
    generic.DIALECT,
)
