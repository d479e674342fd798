"""`whichstep approvals`: the reviewer's desk in a terminal.

Deciding needs a reviewer's token: WHICHSTEP_TOKEN, else the one that `up` wrote into the data folder.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from whichstep_cli import approval_figures, output
from whichstep_cli.approval_text import request_text, row
from whichstep_cli.client import Client, Document, is_loopback
from whichstep_cli.errors import UsageError
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Requests for approval: list, show, decide; figures of what was decided.",
)
app.command("figures")(approval_figures.figures)
PATH: Final = "/api/v1/approvals"
_COLUMNS: Final = {
    "approval_id": "id",
    "state": "state",
    "action": "action",
    "risk_level": "risk",
    "agent": "agent",
    "age": "age",
    "left": "left",
    "decided_by": "decided by",
    "summary": "summary",
}
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The request, as `approvals list` shows it.")]
ReasonOption = Annotated[str | None, typer.Option(help="Why, for the agent and for whoever reads it later.")]
VersionOption = Annotated[
    int | None, typer.Option(help="Of the request that you saw; one that changed since is refused.")
]


class State(StrEnum):
    """What a request can be; all: any of them."""

    PENDING = "pending"
    APPROVED = "approved"
    EDITED = "edited"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CONSUMED = "consumed"
    ALL = "all"


@app.command("list")
@takes_options
def list_approvals(
    source: SourceOptions,
    state: Annotated[State, typer.Option(help="Only these.")] = State.PENDING,
    agent: Annotated[str | None, typer.Option(help="Name of the agent.")] = None,
    action: Annotated[str | None, typer.Option(help="Name of the action.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of this page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended: its next_cursor.")] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Requests: pending ones by the time that is left, others the latest first."""
    given = {"agent": agent, "action": action, "limit": str(limit), "cursor": cursor}
    given |= {} if state is State.ALL else {"state": state.value}
    with open_source(source) as client:
        document = client.get(PATH, [(name, value) for name, value in given.items() if value])
    if format is Format.JSON:
        return output.write_json(document)
    if document["approvals"]:
        output.write_table(_COLUMNS, [row(item) for item in document["approvals"]])
    output.remark(f"{len(document['approvals']):,} of {document['total']:,} requests")
    if document["next_cursor"]:
        output.remark(f"more with --cursor {document['next_cursor']}")
    return None


@app.command("show")
@takes_options
def show_approval(source: SourceOptions, approval_id: IdArgument, format: FormatOption = Format.TEXT) -> None:  # noqa: A002
    """One request whole: what is proposed, on what evidence, by which rule."""
    with open_source(source) as client:
        _write(client.get(_path(approval_id)), format)


@app.command("approve")
@takes_options
def approve(
    source: SourceOptions,
    approval_id: IdArgument,
    reason: ReasonOption = None,
    version: VersionOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Let the action run as it is proposed."""
    _decide(source, approval_id, {"decision": "approve", "reason": reason, "version": version}, format)


@app.command("reject")
@takes_options
def reject(
    source: SourceOptions,
    approval_id: IdArgument,
    reason: ReasonOption = None,
    version: VersionOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Keep the action from running."""
    _decide(source, approval_id, {"decision": "reject", "reason": reason, "version": version}, format)


@app.command("edit")
@takes_options
def edit(
    source: SourceOptions,
    approval_id: IdArgument,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One argument anew; the value is JSON, else text."),
    ] = None,
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help="All arguments anew, as a JSON object; - reads it from stdin.")
    ] = None,
    reason: ReasonOption = None,
    version: VersionOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Let the action run with other arguments: `approvals edit ID --set amount=40`. The policy judges them anew."""
    if (set_ is None) == (arguments is None):
        raise UsageError("say what is to change: --set NAME=VALUE, or --arguments JSON")
    with _reviewing(source) as client:
        known = client.get(_path(approval_id))
        changed = _object(arguments) if arguments is not None else {**_present(known), **_assigned(set_ or [])}
        body = {"decision": "edit", "arguments": changed, "reason": reason, "version": version or known["version"]}
        _write(_decided(client, approval_id, body), format)


def _decide(source: SourceOptions, approval_id: str, body: Mapping[str, Any], form: Format) -> None:
    with _reviewing(source) as client:
        _write(_decided(client, approval_id, body), form)


def _decided(client: Client, approval_id: str, body: Mapping[str, Any]) -> Document:
    return client.post(
        f"{_path(approval_id)}/decision", {key: value for key, value in body.items() if value is not None}
    )


def _write(document: Document, form: Format) -> None:
    if form is Format.JSON:
        output.write_json(document)
    else:
        output.write_text(request_text(document))


@contextmanager
def _reviewing(source: SourceOptions) -> Iterator[Client]:
    """The API, asked with a reviewer's token where there is one at hand."""
    folder = source.data_dir or Path(os.environ.get("WHICHSTEP_DATA_DIR") or ".whichstep")
    token = source.token or (_kept_token(folder) if source.data_dir or is_loopback(source.endpoint) else None)
    with open_source(source, token=token) as client:
        yield client


def _kept_token(folder: Path) -> str | None:
    try:
        return (folder / "reviewer.token").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _path(approval_id: str) -> str:
    return f"{PATH}/{quote(approval_id, safe='')}"


def _present(document: Document) -> dict[str, Any]:
    found = document["edited_arguments"] or document["arguments"]
    return dict(found)


def _assigned(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"{pair!r} is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise UsageError("--arguments is no JSON") from error
    if not isinstance(value, dict):
        raise UsageError("--arguments is a JSON object")
    return value
