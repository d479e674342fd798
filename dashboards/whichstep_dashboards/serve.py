"""How the dashboard runs: the command line and environment of the supervised child.

Everything is said on the command line, which outranks any `config.toml` in the folder or home of whoever starts it.
The token travels in the environment: a command line can be read by every user of the machine. Imports neither
Streamlit nor anything heavy, so the sidecar stays small.
"""

from __future__ import annotations

import ipaddress
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

_FLAGS: Final[Mapping[str, str]] = {
    "global.developmentMode": "false",
    "server.headless": "true",
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.enableStaticServing": "false",
    "server.fileWatcherType": "none",  # an idle dashboard uses no CPU
    "server.runOnSave": "false",
    "server.maxUploadSize": "1",  # nothing is ever uploaded
    "server.maxMessageSize": "64",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",  # a trace back may hold content of traces
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
    "logger.level": "warning",
    # Okabe-Ito colours (see charts): readable with every kind of colour vision.
    "theme.baseRadius": "0.5rem",
    "theme.headingFontSizes": '["2rem", "1.75rem", "1.4rem", "1.25rem", "1.1rem", "1rem"]',
    "theme.showWidgetBorder": "true",
    "theme.light.primaryColor": "#0072b2",
    "theme.light.redColor": "#b84a00",
    "theme.light.greenColor": "#00795a",
    "theme.light.redTextColor": "#b84a00",
    "theme.light.greenTextColor": "#00795a",
    "theme.light.orangeTextColor": "#8a5d00",
    "theme.light.grayTextColor": "#5f6b7a",
    "theme.light.textColor": "#1c2430",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f4f6f8",
    "theme.light.borderColor": "#dfe4ea",
    "theme.dark.primaryColor": "#56b4e9",
    "theme.dark.redColor": "#ff8a3d",
    "theme.dark.greenColor": "#3fc79a",
    "theme.dark.redTextColor": "#ff8a3d",
    "theme.dark.greenTextColor": "#3fc79a",
    "theme.dark.orangeTextColor": "#f0b429",
    "theme.dark.grayTextColor": "#9aa7b6",
    "theme.dark.textColor": "#e6eaf0",
    "theme.dark.backgroundColor": "#11161d",
    "theme.dark.secondaryBackgroundColor": "#1a212b",
    "theme.dark.borderColor": "#2e3845",
}


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
    flags = {**_FLAGS, "server.address": host, "server.port": str(port)}
    argv = [sys.executable, "-m", "streamlit", "run", str(APP)]
    argv += [part for name, value in flags.items() for part in (f"--{name}", value)]
    environment = {name: value for name, value in base_environment.items() if not name.startswith("STREAMLIT_")}
    environment |= {ENDPOINT_VARIABLE: endpoint, TOKEN_VARIABLE: token or "", LOGIN_VARIABLE: login or ""}
    environment["PYTHONPATH"] = os.pathsep.join(_import_path(base_environment))
    if _is_loopback(host):
        # Against names that resolve to loopback (DNS rebinding). A Streamlit that does not know the setting ignores it.
        environment["STREAMLIT_SERVER_ALLOWED_HOSTS"] = "localhost 127.0.0.1 ::1"
    return Command(argv=tuple(argv), environment=environment)


def _import_path(environment: Mapping[str, str]) -> list[str]:
    """The folder of this package first: the child finds the very same code, installed or not."""
    inherited = environment.get("PYTHONPATH")
    return [str(APP.parent.parent), *([inherited] if inherited else [])]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
