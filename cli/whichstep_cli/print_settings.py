"""`whichstep --print-settings`: every setting of the sidecar, its value, and where the value came from."""

from __future__ import annotations

import os

from whichstep_cli import output
from whichstep_cli.errors import UsageError
from whichstep_collector import settings
from whichstep_collector.errors import SettingsError


def run() -> None:
    """Print the table; secrets are hidden."""
    try:
        loaded = settings.load({}, os.environ)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    rows = [row._asdict() for row in settings.describe(loaded)]
    output.write_table({"variable": "setting", "value": "value", "unit": "unit", "source": "from"}, rows)
