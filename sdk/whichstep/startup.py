"""The first thing in a process of a program under `whichstep run`: watches for frameworks, and says so once.

Standard library only until the program imports a framework or OpenTelemetry: a child process that has nothing to do
with agents pays for looking the frameworks up, and for nothing else. Nothing in here raises.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from whichstep.instrument import Found, prepare
from whichstep.settings import TRACES_PATH, load

ANNOUNCE: Final = "WHICHSTEP_RUN"
"""Set by `whichstep run`; the first Python process of the program takes it and speaks for all."""
FRAMEWORKS: Final = "WHICHSTEP_FRAMEWORKS"
"""Names with commas: record these alone, model clients named here even where a framework records them."""
DISABLED: Final = "whichstep run: nothing is recorded: OTEL_SDK_DISABLED is set"
TRACES_ITSELF: Final = "native"


def begin() -> None:
    """Have frameworks recorded when the program imports them."""
    try:
        _speak_on_stderr()
        settings, speaks = load(), bool(os.environ.pop(ANNOUNCE, None))
        found = [] if settings.disabled else prepare(*_chosen(os.environ.get(FRAMEWORKS, "")))
        if speaks:
            _say(DISABLED if settings.disabled else line(found, settings.traces_url.removesuffix(TRACES_PATH)))
    except Exception as error:  # noqa: BLE001  the outermost edge: the program must start
        _say(f"whichstep run: nothing is recorded: {error!r}")


def line(found: Sequence[Found], url: str) -> str:
    """What is recorded, by what, and what to install for the rest: one line."""
    recorded = [_named(entry) for entry in found if entry.status in {"on", "already on", "waiting"}]
    missing = [entry for entry in found if entry.status == "missing"]
    extras = ",".join(entry.framework for entry in missing if "whichstep[" in entry.detail)
    parts = [f"records {', '.join(recorded)} → {url}" if recorded else "found no framework that it can record"]
    if extras:
        parts.append(f"for the rest: pip install 'whichstep[{extras}]'")
    parts += [entry.detail for entry in missing if "whichstep[" not in entry.detail]
    return f"whichstep run: {'; '.join(parts)}"


def _named(entry: Found) -> str:
    by = entry.instrumentor or ""
    how = by if by == TRACES_ITSELF else by.split("-instrumentation-", 1)[0]
    return f"{entry.framework} ({how})"


def _chosen(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _speak_on_stderr() -> None:
    """Warnings of ours go to stderr whatever the program does with its logging: that the sidecar is away, say."""
    logger = logging.getLogger("whichstep")
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    logger.propagate = False


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
