"""`whichstep tokens`: who may ask, read and decide. Works on the data folder, beside a running sidecar too.

A token is shown once, when it is made; a sidecar takes it within a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from whichstep_cli import output
from whichstep_cli.errors import UnreachableError, UsageError
from whichstep_cli.options import DataDirOption, Format, FormatOption, chosen_data_dir, takes_options
from whichstep_store.errors import StoreError
from whichstep_store.ledger import FILE_NAME, Ledger

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make, list and revoke tokens: who may ask, read and decide."
)


class TokenScope(StrEnum):
    """What a token lets its owner do."""

    INGEST = "ingest"
    READ = "read"
    REVIEW = "review"
    ADMIN = "admin"


@app.command("create")
@takes_options
def create_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; reviewers decide under this name.")],
    scope: Annotated[list[TokenScope], typer.Option(help="ingest: agents; read: figures; review: decides, and reads.")],
    data_dir: DataDirOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Make a token and print it, once: `whichstep tokens create ann --scope review`."""
    scopes = [item.value for item in scope]
    if TokenScope.REVIEW in scope and TokenScope.READ not in scope:
        scopes.append(TokenScope.READ.value)
    with _ledger(data_dir) as ledger:
        try:
            token = ledger.add_token(name, scopes)
        except ValueError as error:
            raise UsageError(str(error)) from error
    if format is Format.JSON:
        return output.write_json({"name": name, "scopes": sorted(scopes), "token": token})
    output.remark(f"{name} may {', '.join(sorted(scopes))}; the token is not shown again")
    return output.write_text(token)


@app.command("list")
@takes_options
def list_tokens(data_dir: DataDirOption = None, format: FormatOption = Format.TEXT) -> None:  # noqa: A002
    """The tokens that are valid, without the tokens themselves."""
    with _ledger(data_dir) as ledger:
        found = [
            {"token_id": token.token_id, "name": token.name, "scopes": sorted(token.scopes)}
            for token in ledger.tokens()
        ]
    if format is Format.JSON:
        return output.write_json({"tokens": found})
    rows = [{**item, "scopes": " ".join(item["scopes"])} for item in found]
    return output.write_table({"token_id": "id", "name": "name", "scopes": "may"}, rows)


@app.command("revoke")
@takes_options
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `tokens list` shows it.")],
    data_dir: DataDirOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """End a token; a sidecar refuses it within a second."""
    with _ledger(data_dir) as ledger:
        if not ledger.revoke_token(token_id):
            raise UsageError(f"there is no token {token_id}; `whichstep tokens list` shows their ids")
    if format is Format.JSON:
        output.write_json({"revoked": token_id})
    else:
        output.remark(f"{token_id} is revoked")


@contextmanager
def _ledger(data_dir: Path | None) -> Iterator[Ledger]:
    folder = chosen_data_dir(data_dir)
    try:
        ledger = Ledger(folder / FILE_NAME)
    except StoreError as error:
        raise UnreachableError(str(error)) from error
    try:
        yield ledger
    finally:
        ledger.close()
