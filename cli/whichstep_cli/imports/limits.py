"""What a file may ask of the importer, and how it is told where it asks for more."""

from __future__ import annotations

from typing import Final, NamedTuple

from whichstep_cli.errors import CommandError

RECORD_BYTES_MAX: Final = 128 << 20
"""Of one record as text. The largest sample of a real log that was reported has 127 MB."""
DEPTH_MAX: Final = 200
"""Levels of arrays and objects within each other."""
ROW_GROUP_BYTES_MAX: Final = 4 << 30
"""Of a Parquet file: it is read in pieces, yet its pages are unpacked whole."""


class Skipped(NamedTuple):
    """A record that was not taken, and why."""

    reason: str
    """Without anything that differs from record to record: reasons are counted."""
    where: str = ""


class TooLargeError(CommandError):
    """What follows in a file cannot be reached, as what comes before it is too large or broken."""
