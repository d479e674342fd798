"""A sidecar with its dashboard, from the doors' opening to the last signal; the process is theirs.

`up` runs it as a process of its own (`up_process`), `demo` inside of its own.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from whichstep_cli import output
from whichstep_cli.dashboard import Dashboard, Place
from whichstep_cli.ports import choose_port
from whichstep_cli.probes import dashboard_probe
from whichstep_cli.sidecar import Running, load_settings, running_sidecar
from whichstep_cli.version import installed_version
from whichstep_collector.process_start import prepare_process
from whichstep_collector.settings import Settings
from whichstep_collector.tokens import REVIEWER_FILE, reviewer_token

EXIT_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run(arguments: Mapping[str, Any], *, as_json: bool) -> None:
    """Run the sidecar in the foreground, until SIGTERM or SIGINT; a second signal ends it at once."""
    settings = load_settings(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="whichstep: %(message)s")
    with serving(settings) as served:
        served.announce(as_json=as_json)
        wait_for_signal()
        output.remark("finishing what was accepted; a second signal ends at once")


class Served:
    """A running sidecar with its dashboard, as people and programs are told of it."""

    def __init__(self, settings: Settings, running: Running, dashboard: Dashboard | None, *, is_first: bool) -> None:
        """`is_first`: nobody has been told the reviewer's token yet."""
        self.endpoint = running.addresses.http
        self.grpc = running.addresses.grpc
        self.data_dir = settings.data_dir
        self.dashboard = dashboard
        self.policy = settings.policy
        named = f"{settings.judge_model} at {settings.judge_endpoint}"
        self._judge = named if settings.judge_endpoint else None
        self._is_first = is_first

    @property
    def approvals(self) -> str:
        """Where requests for approval are decided; the first time a link that signs in."""
        signed_in = f"?token={reviewer_token(self.data_dir)}" if self._is_first else ""
        return f"{self.endpoint}/approvals{signed_in}"

    def announce(self, *, as_json: bool) -> None:
        """Print the addresses: one JSON line, or lines for people and a further one when the dashboard answers."""
        url = self.dashboard.place.url if self.dashboard else None
        if as_json:
            found = {
                "http": self.endpoint,
                "grpc": self.grpc,
                "dashboard": url,
                "data_dir": str(self.data_dir),
                "policy": str(self.policy) if self.policy else None,
                "pid": os.getpid(),
            }
            sys.stdout.write(json.dumps(found) + "\n")
        else:
            output.write_text(f"whichstep {installed_version()} is ready; its data is in {self.data_dir}")
            output.write_text(f"  OTLP/HTTP and API  {self.endpoint}")
            output.write_text(f"  OTLP/gRPC          {self.grpc}")
            output.write_text(f"  dashboard          {url or 'not started'}")
            output.write_text(f"  approvals          {self.approvals}")
            if self.policy:
                output.write_text(f"  policy             {self.policy}")
            if self._judge:
                output.write_text(
                    f"  judge              {self._judge}; texts of the executions it judges are sent there"
                )
        sys.stdout.flush()


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    """The sidecar and, unless the settings say no, its dashboard, for the block. The process is theirs."""
    prepare_process()
    is_first = not (settings.data_dir / REVIEWER_FILE).exists()
    place = None
    if settings.dashboard:
        place = Place(settings.host, choose_port(settings.host, settings.dashboard_port, "--dashboard-port"))
        settings = replace(settings, dashboard_port=place.port)  # the sidecar links to it
    with running_sidecar(settings, [dashboard_probe(place)] if place else []) as running:
        dashboard = None
        if place:
            dashboard = Dashboard(
                place,
                endpoint=running.addresses.http,
                token=running.dashboard_token,
                login=_login_url(settings, running),
            )
            dashboard.start()
        try:
            yield Served(settings, running, dashboard, is_first=is_first)
        finally:
            if dashboard:
                dashboard.stop()


def _login_url(settings: Settings, running: Running) -> str | None:
    """Where reviewers sign in for the dashboard; None where that is by token alone."""
    base = (settings.public_url or running.addresses.http).rstrip("/")
    return f"{base}/login?next=dashboard" if settings.oidc_issuer else None


def wait_for_signal() -> None:
    """Sleep until the process is asked to end; from then on the same signals end it at once."""
    asked = threading.Event()
    for number in EXIT_SIGNALS:
        signal.signal(number, lambda *_: asked.set())
    asked.wait()
    end_at_once_by_signal()


def end_at_once_by_signal() -> None:
    """From now on a signal ends the process without finishing anything."""
    for number in EXIT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
