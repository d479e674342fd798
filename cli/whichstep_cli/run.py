"""`whichstep run`: the line and the page of a command that the SDK alone can carry out (`whichstep.run`)."""

from __future__ import annotations

from typing import Annotated

import typer

from whichstep import run as program

_HELP = {option: text for option, _, _, text in program.OPTIONS}
app = typer.Typer(add_completion=False)


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    *,
    command: Annotated[list[str], typer.Argument(help="python agent.py, -m module, agent.py, or any program.")],
    service: Annotated[str | None, typer.Option(metavar="NAME", help=_HELP["--service"])] = None,
    release: Annotated[str | None, typer.Option(metavar="VERSION", help=_HELP["--release"])] = None,
    environment: Annotated[str | None, typer.Option(metavar="NAME", help=_HELP["--environment"])] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help=_HELP["--endpoint"])] = None,
    frameworks: Annotated[str | None, typer.Option(metavar="NAMES", help=_HELP["--frameworks"])] = None,
) -> None:
    """Run a program with its agent frameworks recorded, without a change to the program; `--` before it."""
    given = {"--service": service, "--release": release, "--environment": environment, "--endpoint": endpoint}
    options = {**given, "--frameworks": frameworks}
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    program.main([*words, "--", *command])
