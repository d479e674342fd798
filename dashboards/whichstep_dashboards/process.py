"""The dashboard's process, started by `serve.command`: `python -m whichstep_dashboards.process HOST PORT`.

Streamlit's own command looks five times a second at three config files, wherever they may appear, and ten times a
second whether it shall end: 0.45 % of a core for a dashboard that nobody looks at (one minute idle, 2026-11, 2 cores).
Here its app stands behind a server that sleeps. The settings are given to Streamlit as its command would give it
flags, so they outrank any `config.toml` in the folder or home of whoever starts it.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import uvicorn
from streamlit import config
from streamlit.starlette import App

from whichstep_collector.quiet_server import QuietServer
from whichstep_dashboards.serve import APP

_ALLOWED_HOSTS: Final = "server.allowedHosts"
_MEGABYTE: Final = 1 << 20
_MESSAGE_MEGABYTES_MAX: Final = 64
_PING_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 1
"""For open pages when the process is asked to end; the supervisor waits three."""

_SETTINGS: Final[Mapping[str, object]] = {
    "global.developmentMode": False,
    "server.headless": True,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",  # an idle dashboard uses no CPU
    "server.runOnSave": False,
    "server.maxUploadSize": 1,  # nothing is ever uploaded
    "server.maxMessageSize": _MESSAGE_MEGABYTES_MAX,
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",  # a trace back may hold content of traces
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
    "logger.level": "warning",
    # Okabe-Ito colours (see charts): readable with every kind of colour vision.
    "theme.baseRadius": "0.5rem",
    "theme.headingFontSizes": ["2rem", "1.75rem", "1.4rem", "1.25rem", "1.1rem", "1rem"],
    "theme.showWidgetBorder": True,
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


def main() -> None:
    """Serve the dashboard on the address of the command line until SIGTERM or SIGINT."""
    host, port = sys.argv[1], int(sys.argv[2])
    configure(host, port)
    server = QuietServer(
        uvicorn.Config(
            App(APP),
            host=host,
            port=port,
            interface="asgi3",
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=_MESSAGE_MEGABYTES_MAX * _MEGABYTE,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            ws_per_message_deflate=False,
            date_header=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises it again once it has ended
        server.run()


def configure(host: str, port: int) -> None:
    """Give Streamlit its settings for that address."""
    settings = {**_SETTINGS, "server.address": host, "server.port": port}
    known = config.get_config_options(force_reparse=True, options_from_flags=settings)
    # Against names that resolve to loopback (DNS rebinding), where this Streamlit knows the setting.
    if _is_loopback(host) and _ALLOWED_HOSTS in known:
        config.set_option(_ALLOWED_HOSTS, ["localhost", "127.0.0.1", "::1"])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()
