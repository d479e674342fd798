"""The one line that a terminal shows after a failed execution."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from whichstep.settings import Settings

if TYPE_CHECKING:
    from whichstep.execution import Execution

REASON_CHARACTERS_MAX: Final = 160
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
"""An error message is foreign text: it must not move the cursor."""


def say(execution: Execution, settings: Settings, *, failed: bool) -> None:
    """Write the line to stderr, if that is a terminal and the execution failed."""
    if failed and sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(line(execution, settings) + "\n")


def line(execution: Execution, settings: Settings) -> str:
    """`step 5 issue_refund failed: reason → URL`."""
    url = f"{settings.dashboard_url}/execution?execution={execution.execution_id}"
    failure = execution.first_failure()
    if failure is None:
        return f"{_plain(execution.name)} failed → {url}"
    # The number is left out where other libraries recorded steps too: the store counts those as well.
    number = "" if failure.position == 1 or execution.foreign_spans else f"step {failure.position} "
    return f"{number}{_plain(failure.name)} failed: {_plain(failure.message)} → {url}"


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text)[:REASON_CHARACTERS_MAX].strip()
