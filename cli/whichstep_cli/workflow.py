"""`whichstep workflow`: contracts of workflows, and whether executions keep to them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from whichstep.contract import Contract, load, to_toml
from whichstep.contract.draw import as_mermaid, as_text
from whichstep.errors import ConfigurationError
from whichstep_cli import output
from whichstep_cli.errors import UsageError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Contracts of workflows: check, learn, show, readiness."
)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The contract, a TOML file.")]


class Drawing(StrEnum):
    """How a contract is shown."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"
    TOML = "toml"


@app.callback()
def workflow() -> None:
    """Contracts of workflows: check, learn, show, readiness."""


@app.command("show")
def show(
    file: FileArgument,
    format: Annotated[Drawing, typer.Option("--format", help="text, mermaid, json or toml.")] = Drawing.TEXT,  # noqa: A002
) -> None:
    """What a contract says: steps, what may follow, tools, rules, budgets. `workflow show refund.toml`."""
    contract = read(file)
    if format is Drawing.JSON:
        return output.write_json({**contract.to_dict(), "digest": contract.digest})
    drawn = {Drawing.TEXT: as_text, Drawing.MERMAID: as_mermaid, Drawing.TOML: to_toml}[format]
    return output.write_text(drawn(contract))


def read(file: Path) -> Contract:
    """The contract in a file.

    Raises:
        UsageError: it cannot be read, or something in it is wrong.
    """
    try:
        return load(file)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
