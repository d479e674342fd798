"""`whichstep expect`: a person's label of which tools are right, for one execution or for a task type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from whichstep_cli import output
from whichstep_cli.client import Client
from whichstep_cli.errors import UsageError
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def expect(
    source: SourceOptions,
    execution_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The execution: 32 hex digits.")] = None,
    task_type: Annotated[str | None, typer.Option(help="In place of an execution: every one of this type.")] = None,
    tools: Annotated[str | None, typer.Option(metavar="NAMES", help="Right tools, with commas; none: ''.")] = None,
    ordered: Annotated[bool, typer.Option("--ordered", help="Their order matters.")] = False,  # noqa: FBT002 (a flag)
    any_of: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="An alternative, with commas; several times.")
    ] = None,
    allow_extra: Annotated[bool, typer.Option("--allow-extra", help="Further calls do no harm.")] = False,  # noqa: FBT002 (a flag)
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help='Right arguments, as {"issue_refund": {"order": 1}}.')
    ] = None,
    escalation: Annotated[
        bool | None, typer.Option("--escalation/--no-escalation", help="Whether a person should be brought in.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="In place of an execution: what each example of a file expects.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Expect nothing any more.")] = False,  # noqa: FBT002 (a flag)
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Say which tools are right; it needs a reviewer's token.

    A label comes before what the execution's own code expects, and stands for other runs of the same case or input.
    """
    if sum(given is not None for given in (execution_id, task_type, dataset)) != 1:
        raise UsageError("name one execution, or give --task-type or --dataset")
    stated: dict[str, Any] = {
        "tools": None if tools is None else _names(tools),
        "ordered": ordered or None,
        "any_of": [_names(choice) for choice in any_of] if any_of else None,
        "allow_extra": allow_extra or None,
        "arguments": None if arguments is None else _json(arguments),
        "escalation": escalation,
    }
    expectation = {name: value for name, value in stated.items() if value is not None}
    if dataset is not None:
        if withdraw or expectation:
            raise UsageError("with --dataset the examples say what is right: give nothing else")
        with open_source(source) as client:
            return _expect_all(client, dataset, format)
    if withdraw == bool(expectation):
        raise UsageError("say what is right with --tools, --any-of or --escalation; or --withdraw and nothing else")
    spoken_of = {"execution_id": execution_id} if execution_id else {"task_type": task_type}
    with open_source(source) as client:
        document = client.post("/api/v1/expectations", {**spoken_of, **expectation})
    if format is Format.JSON:
        return output.write_json(document)
    return output.write_text(
        f"{'nothing is expected any more' if withdraw else 'noted'} of {execution_id or task_type}"
    )


def _expect_all(client: Client, file: Path, form: Format) -> None:
    """Labels every execution of a dataset with what its examples expect together."""
    from whichstep_analytics.examples import expectations  # noqa: PLC0415 (with its reader slow to import)
    from whichstep_cli.dataset import read  # noqa: PLC0415

    found = read(file)
    stated = expectations(found)
    for execution_id, expectation in stated.items():
        client.post("/api/v1/expectations", {"execution_id": execution_id, **expectation})
    silent = sum(not example.get("expectation") for example in found)
    if form is Format.JSON:
        output.write_json({"executions": len(stated), "examples": len(found), "without_expectation": silent})
    else:
        output.write_text(
            f"noted of {len(stated):,} executions, from {len(found) - silent:,} of {len(found):,} examples"
        )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--arguments is no JSON: {error}") from error
