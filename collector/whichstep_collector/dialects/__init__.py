"""The conventions that agents' spans come in, most specific first: the first that names a span's step decides.

To add one: a module here with a `DIALECT`, and its line below. Columns that need no code are in `fields.py`.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects import (
    autogen,
    generic,
    openinference,
    openllmetry,
    otel_genai,
    transport,
    whichstep_sdk,
)
from whichstep_collector.dialects.base import Dialect

__all__ = ["DIALECTS", "Dialect"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    whichstep_sdk.DIALECT,
    openinference.DIALECT,
    autogen.DIALECT,
    openllmetry.DIALECT,
    otel_genai.DIALECT,
    transport.DIALECT,
    generic.DIALECT,
)
