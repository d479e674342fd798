"""Free ports, and ports that are taken: named before anything is started."""

from __future__ import annotations

import socket

from whichstep_cli.errors import UsageError


def choose_port(host: str, port: int, option: str) -> int:
    """The port itself when nothing listens there, or a free one for 0.

    Raises:
        UsageError: the port is in use or may not be used; the message names it and the option.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another {option}, or 0 for a free one"
            ) from error
        return int(probe.getsockname()[1])
