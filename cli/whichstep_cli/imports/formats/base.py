"""What a format is: how to recognise its records, and what one becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import Converted


class NotTakenError(Exception):
    """A record of the format that cannot become steps; the message is the reason, the same for all of its kind."""


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of export. Both functions are pure; `convert` raises NotTakenError for what it does not take."""

    name: str
    summary: str
    recognises: Callable[[Record], bool]
    convert: Callable[[Record], Converted]
    gathers: Callable[[Record], bool] = lambda _record: False
    """Whether the records of a file are parts of one: they come as a list, then."""
