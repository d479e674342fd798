"""`whichstep demo`: sample agents and weeks of sample history, in the sidecar that runs or in one of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from whichstep_cli import output
from whichstep_cli.client import Client, connect
from whichstep_cli.demo import history
from whichstep_cli.demo.live import FRAMEWORKS, run_agents
from whichstep_cli.demo.send_history import send_history
from whichstep_cli.demo.stories import STORIES
from whichstep_cli.errors import UnreachableError
from whichstep_cli.options import Format, SourceOptions, takes_options
from whichstep_cli.sidecar import load_settings
from whichstep_cli.up import Served, serving, wait_for_signal

app = typer.Typer(add_completion=False)
DASHBOARD: Final = "http://127.0.0.1:8501"


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
    """Send sample agents and weeks of sample history to the sidecar; start one where none runs, and stay."""
    arguments = {"dashboard_port": dashboard_port, "http_port": http_port, "grpc_port": grpc_port}
    with _sidecar(source, arguments) as (client, started):
        if agents:
            _run_agents(client)
        if weeks:
            _send_history(client, weeks=weeks, seed=seed)
        _say_where(started)
        if started:
            wait_for_signal()


@contextmanager
def _sidecar(source: SourceOptions, arguments: dict[str, int | None]) -> Iterator[tuple[Client, Served | None]]:
    """A client of the sidecar that runs, or of one started for the block (which is then the second value)."""
    if source.data_dir is None and _answers(source):
        with connect(source.endpoint, source.token) as client:
            yield client, None
        return
    settings = load_settings({**arguments, "data_dir": source.data_dir})
    with serving(settings) as served, connect(served.endpoint, settings.token) as client:
        served.announce(Format.TEXT)
        yield client, served


def _answers(source: SourceOptions) -> bool:
    with connect(source.endpoint, source.token) as client:
        try:
            client.get("/healthz")
        except UnreachableError:
            return False
        return True


def _run_agents(client: Client) -> None:
    total = len(STORIES) * len(FRAMEWORKS)
    right = 0
    with output.progress("running the sample agents", total) as bar:
        for answered in run_agents(client.endpoint):
            right += answered.right
            bar.advance(bar.task_ids[0])
    output.write_text(f"sample agents: {total} tickets answered, {right} of them rightly")


def _send_history(client: Client, *, weeks: int, seed: int) -> None:
    planned = list(history.executions(weeks=weeks, seed=seed, until=dt.datetime.now(dt.UTC).date()))
    with output.progress("sending the sample history", len(planned)) as bar:
        send_history(client, planned, on_sent=lambda count: bar.advance(bar.task_ids[0], count))
    output.write_text(f"sample history: {len(planned):,} executions of {weeks} weeks (purpose demo)")


def _say_where(started: Served | None) -> None:
    url = started.dashboard.place.url if started and started.dashboard else DASHBOARD
    output.write_text(f"look at {url}/?purpose=demo, or ask: whichstep failures --purpose demo")
    if started:
        output.write_text("the sidecar runs until Ctrl-C")
