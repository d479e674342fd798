"""`whichstep demo`: sample agents and weeks of sample history, in the sidecar that runs or in one of its own."""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from whichstep_cli import output
from whichstep_cli.client import Client, connect
from whichstep_cli.demo import history
from whichstep_cli.demo.held import CONTRACTS, POLICY
from whichstep_cli.demo.live import FRAMEWORKS, missing, run_agents
from whichstep_cli.demo.send_history import send_history
from whichstep_cli.demo.stories import STORIES
from whichstep_cli.errors import EXIT_FAILED, UnreachableError
from whichstep_cli.folder import owner_endpoint
from whichstep_cli.options import DEFAULT_ENDPOINT, SourceOptions, takes_options
from whichstep_cli.serving import EXIT_SIGNALS, Served, end_at_once_by_signal, serving, wait_for_signal
from whichstep_cli.sidecar import load_settings

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def demo(
    source: SourceOptions,
    weeks: Annotated[int, typer.Option(min=0, max=52, help="Weeks of history; 0 sends none.")] = 8,
    seed: Annotated[int, typer.Option(help="Another seed gives other history; the same seed adds nothing twice.")] = 1,
    *,
    agents: Annotated[bool, typer.Option("--agents/--no-agents", help="Run the example agents too.")] = True,
    dashboard_port: Annotated[int | None, typer.Option(help="Of the dashboard, where one is started.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Of the sidecar, where one is started.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Of the sidecar, where one is started.")] = None,
) -> None:
    """Send sample agents and weeks of sample history to the sidecar; start one where none runs, and stay.

    A sidecar that it starts has the sample policy and contracts, unless WHICHSTEP_POLICY or WHICHSTEP_CONTRACTS name
    others: see Safety, Approvals and Workflows.
    """
    arguments = {"dashboard_port": dashboard_port, "http_port": http_port, "grpc_port": grpc_port}
    with _sidecar(source, arguments) as (client, started):
        for number in EXIT_SIGNALS:  # SIGINT too: what runs in the background of a script starts with it ignored
            signal.signal(number, signal.default_int_handler)
        try:
            _send(client, started, weeks=weeks, seed=seed, agents=agents)
        except KeyboardInterrupt:
            end_at_once_by_signal()
            output.remark("stopped before all sample data was sent; the same command sends the rest")
            raise typer.Exit(EXIT_FAILED) from None
        if started:
            output.write_text("The sidecar runs until Ctrl-C.")
            wait_for_signal()


def _send(client: Client, started: Served | None, *, weeks: int, seed: int, agents: bool) -> None:
    output.write_text("Sending sample data: it is marked with purpose demo, and production figures leave it out.")
    if weeks:
        _send_history(client, weeks=weeks, seed=seed)
    absent = missing() if agents else None
    if absent:
        output.write_text(f"  live agents: left out, {absent} is not installed; pip install 'whichstep[demo]'")
    elif agents:
        _run_agents(client)
    if started and started.dashboard:
        started.dashboard.wait_until_ready()
    _say_where(client)


@contextmanager
def _sidecar(source: SourceOptions, arguments: dict[str, int | None]) -> Iterator[tuple[Client, Served | None]]:
    """A client of the sidecar that runs, or of one started for the block (which is then the second value)."""
    settings = load_settings({**arguments, "data_dir": source.data_dir})
    endpoint = _running(source, settings.data_dir)
    if endpoint:
        with connect(endpoint, source.token) as client:
            output.write_text(f"Using the sidecar that runs at {endpoint}.")
            yield client, None
        return
    if settings.policy is None:
        settings = replace(settings, policy=POLICY)
    if settings.contracts is None:
        settings = replace(settings, contracts=CONTRACTS)
    with serving(settings) as served, connect(served.endpoint, settings.token) as client:
        served.announce(as_json=False)
        yield client, served


def _running(source: SourceOptions, data_dir: Path) -> str | None:
    """Where a sidecar runs already: at the endpoint, unless a folder was asked for, or as the folder's owner."""
    if source.data_dir is None:
        with suppress(UnreachableError), connect(source.endpoint, source.token) as client:
            client.get("/healthz")
            return client.endpoint
    return owner_endpoint(data_dir)


def _send_history(client: Client, *, weeks: int, seed: int) -> None:
    planned = list(history.executions(weeks=weeks, seed=seed, until=dt.datetime.now(dt.UTC).date()))
    with output.progress("sending the sample history", len(planned)) as bar:
        send_history(client, planned, on_sent=lambda count: bar.advance(bar.task_ids[0], count))
    output.write_text(f"  history: {len(planned):,} executions of {weeks} weeks")


def _run_agents(client: Client) -> None:
    total = len(STORIES) * len(FRAMEWORKS)
    right = 0
    with output.progress("running the sample agents", total) as bar:
        for is_right in run_agents(client.endpoint):
            right += is_right
            bar.advance(bar.task_ids[0])
    output.write_text(f"  live agents: {total} tickets, {right} answered rightly; some are made to go wrong")


def _say_where(client: Client) -> None:
    checks = client.get("/api/v1/doctor")["checks"]
    url = next((check["detail"] for check in checks if check["id"] == "dashboard"), None)
    if url:
        output.write_text(f"Look at {url}/?purpose=demo")
    output.write_text(f"Ask: {_command(client, 'failures --by step --purpose demo')}")


def _command(client: Client, command: str) -> str:
    known = client.endpoint == DEFAULT_ENDPOINT
    return f"whichstep {command}" if known else f"WHICHSTEP_ENDPOINT={client.endpoint} whichstep {command}"
