"""How the dashboard runs: the command line and environment of the supervised child (`process`).

The token travels in the environment: a command line can be read by every user of the machine. Imports neither
Streamlit nor anything heavy, so the sidecar stays small.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from whichstep_dashboards.settings import ENDPOINT_VARIABLE, LOGIN_VARIABLE, TOKEN_VARIABLE

APP: Final = Path(__file__).with_name("app.py")
HEALTH_PATH: Final = "/_stcore/health"
"""Answers 200 with `ok` as soon as the dashboard takes connections."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the supervisor starts: program with arguments, and its whole environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


def command(
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    endpoint: str,
    token: str | None = None,
    login: str | None = None,
    base_environment: Mapping[str, str] = os.environ,
) -> Command:
    """The child process that serves the dashboard on `host:port` and reads from the sidecar at `endpoint`.

    `login`: where reviewers sign in, if at an identity provider.

    The port must be free and above 0: choose it before. Settings of Streamlit in the base environment are left out,
    as are the endpoint and token it may hold.
    """
    # -P: no module in the folder of whoever starts it stands in for one of ours.
    argv = (sys.executable, "-P", "-m", "whichstep_dashboards.process", host, str(port))
    environment = {name: value for name, value in base_environment.items() if not name.startswith("STREAMLIT_")}
    environment |= {ENDPOINT_VARIABLE: endpoint, TOKEN_VARIABLE: token or "", LOGIN_VARIABLE: login or ""}
    environment["PYTHONPATH"] = os.pathsep.join(_import_path(base_environment))
    return Command(argv=argv, environment=environment)


def _import_path(environment: Mapping[str, str]) -> list[str]:
    """The folder of this package first: the child finds the very same code, installed or not."""
    inherited = environment.get("PYTHONPATH")
    return [str(APP.parent.parent), *([inherited] if inherited else [])]
