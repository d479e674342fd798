"""`whichstep up`: the sidecar in the foreground, until SIGTERM or SIGINT; a second signal ends it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whichstep_cli.options import Format, FormatOption, takes_options
from whichstep_cli.up_process import become

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def up(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that this process will own; .whichstep unless set.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, 127.0.0.1 unless set; any but loopback needs tokens.")
    ] = None,
    grpc_port: Annotated[int | None, typer.Option(help="OTLP/gRPC, 4317 unless set; 0 picks a free port.")] = None,
    http_port: Annotated[
        int | None, typer.Option(help="OTLP/HTTP and the API, 4318 unless set; 0 picks a free port.")
    ] = None,
    dashboard_port: Annotated[int | None, typer.Option(help="Dashboard, 8501 unless set; 0 picks a free port.")] = None,
    dashboard: Annotated[
        bool | None,
        typer.Option("--dashboard/--no-dashboard", help="With or without the dashboard; with it unless set."),
    ] = None,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="Policy that decides on actions.")] = None,
    expectations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which tools are right for each task type (TOML).")
    ] = None,
    contracts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Contracts (*.toml) for executions of workflows that carry none."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Run the sidecar: OTLP doors, store, jobs, APIs, dashboard."""
    arguments = {
        "data_dir": data_dir,
        "host": host,
        "grpc_port": grpc_port,
        "http_port": http_port,
        "dashboard_port": dashboard_port,
        "dashboard": dashboard,
        "policy": policy,
        "expectations": expectations,
        "contracts": contracts,
    }
    become(arguments, as_json=format is Format.JSON)
