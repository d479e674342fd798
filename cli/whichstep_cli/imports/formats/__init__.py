"""The formats that `whichstep import` reads, in the order in which a record is offered to them.

To add one: a module here with a `FORMAT`, its line below, and a section in docs/import.md. OTLP needs no conversion and
is taken before any of these (`imports/otlp.py`).
"""

from __future__ import annotations

from typing import Final

from whichstep_cli.imports.formats import inspect_logs, langfuse, langsmith, messages, phoenix
from whichstep_cli.imports.formats.base import Format, NotTakenError

__all__ = ["FORMATS", "Format", "NotTakenError"]

FORMATS: Final[tuple[Format, ...]] = (
    inspect_logs.FORMAT,
    phoenix.FORMAT,
    langsmith.FORMAT,
    langfuse.FORMAT,
    messages.FORMAT,
)
