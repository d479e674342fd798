"""`whichstep workflow`: contracts of workflows, and whether executions keep to them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from whichstep.contract import to_toml
from whichstep.contract.draw import as_mermaid, as_text
from whichstep_cli import output
from whichstep_cli.client import Client, Document
from whichstep_cli.errors import EXIT_FAILED, UsageError
from whichstep_cli.options import ExecutionFilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

EXIT_INCONCLUSIVE = 3
app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Contracts of workflows: check, learn, show, readiness."
)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The contract, a TOML file.")]
NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="WORKFLOW", help="Its name, or that of its agent or task type; not needed of a single one."),
]


class Drawing(StrEnum):
    """How a contract is shown."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"
    TOML = "toml"


@app.command("check")
@takes_options
def check(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    file: FileArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Hold the executions of a workflow to a contract. Exit code 1 where any breaks it, 3 where there are none.

    Example: whichstep workflow check refund.toml --since 7d
    """
    contract = _read(file)
    with open_source(source) as client:
        question = urlencode(filters.pairs())
        document = client.post(f"/api/v1/workflows?{question}", contract.to_dict())
    if format is Format.JSON:
        output.write_json(document)
    else:
        _write_check(document)
    if not document["executions"]:
        raise typer.Exit(EXIT_INCONCLUSIVE)
    if document["deviations"]:
        raise typer.Exit(EXIT_FAILED)


@app.command("list")
@takes_options
def list_workflows(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Workflows: the autonomy level of the contract and the one observed, and how many executions keep to it."""
    with open_source(source) as client:
        document = client.get("/api/v1/workflows", filters.pairs())
    if format is Format.JSON:
        return output.write_json(document)
    columns = {"workflow": "workflow", "executions": "executions", "level": "level", "observed": "observed",
               "conformant": "conformant", "fitness": "fitness"}  # fmt: skip
    rows = [
        {**row, "observed": row["observed"]["level"], "conformant": _of(row["conformance"]), "fitness": row["fitness"]}
        for row in document["workflows"]
    ]
    output.write_table(columns, rows)
    return output.remark(f"the latest {document['examined']:,} of {document['executions']:,} executions")


class FlowForm(StrEnum):
    """How what executions did is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    HTML = "html"
    JSON = "json"


@app.command("flow")
@takes_options
def flow(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    workflow: NameArgument = None,
    *,
    format: Annotated[FlowForm, typer.Option("--format", help="text, mermaid, html or json.")] = FlowForm.TEXT,  # noqa: A002
) -> None:
    """What came after what in the executions of a workflow, how often, and how many of them failed.

    Example: whichstep workflow flow support_agent --since 7d --format html > flow.html
    """
    with open_source(source) as client:
        document = client.get(_path(client, workflow, filters), filters.pairs())
    if format is FlowForm.JSON:
        return output.write_json(document)
    if format is FlowForm.TEXT:
        columns = {"from": "from", "to": "to", "count": "times", "executions": "executions", "failed": "failed",
                   "allowed": "allowed"}  # fmt: skip
        words = {True: "yes", False: "no", None: None}
        edges = document["graph"]["edges"]
        output.write_table(columns, [{**edge, "allowed": words[edge["allowed"]]} for edge in edges])
        return output.remark(f"the latest {document['examined']:,} of {document['executions']:,} executions")
    from whichstep_analytics.render import flow as drawn  # noqa: PLC0415 (Polars is slow to import)

    return output.write_text(drawn.mermaid(document) if format is FlowForm.MERMAID else drawn.html(document))


@app.command("learn")
@takes_options
def learn(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    workflow: NameArgument = None,
    *,
    support: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="Share of the executions that a transition or tool needs.")
    ] = 0.05,
    level: Annotated[int | None, typer.Option(min=1, max=4, help="Autonomy level; the lowest that fits.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of standard output.")] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Propose a contract from the good executions of a workflow, as TOML.

    Example: whichstep workflow learn support_agent --since 30d --out support.toml
    """
    asked = [*filters.pairs(), ("support", f"{support:g}"), *([("level", str(level))] if level else [])]
    with open_source(source) as client:
        document = client.get(f"{_path(client, workflow, filters)}/proposal", asked)
    if out is not None:
        out.write_text(document["toml"], encoding="utf-8")
        output.remark(f"{out} written: {document['conformant']:,} of {document['executions']:,} executions keep to it")
    elif format is Format.JSON:
        output.write_json(document)
    else:
        output.write_text(document["toml"])


@app.command("show")
def show(
    file: FileArgument,
    format: Annotated[Drawing, typer.Option("--format", help="text, mermaid, json or toml.")] = Drawing.TEXT,  # noqa: A002
) -> None:
    """What a contract says: steps, what may follow, tools, rules, budgets.

    Example: whichstep workflow show refund.toml --format mermaid
    """
    contract = _read(file)
    if format is Drawing.JSON:
        return output.write_json({**contract.to_dict(), "digest": contract.digest})
    drawn = {Drawing.TEXT: as_text, Drawing.MERMAID: as_mermaid, Drawing.TOML: to_toml}[format]
    return output.write_text(drawn(contract))


@app.command("readiness")
@takes_options
def readiness(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    workflow: NameArgument = None,
    *,
    success_bar: Annotated[float, typer.Option(min=0.01, max=1.0, help="What success has to reach.")] = 0.9,
    conformance_bar: Annotated[float, typer.Option(min=0.01, max=1.0, help="What conformance has to reach.")] = 0.98,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Has a workflow earned the next autonomy level? Exit code 0 yes, 1 no, 3 unknown.

    The lower ends of the 95 % intervals of success and conformance at its present level have to reach the bars.

    Example: whichstep workflow readiness refund --since 30d --success-bar 0.95
    """
    bars = [("success_bar", f"{success_bar:g}"), ("conformance_bar", f"{conformance_bar:g}")]
    with open_source(source) as client:
        document = client.get(_path(client, workflow, filters), [*filters.pairs(), *bars])
    found = {"workflow": document["workflow"], "observed": document["observed"], **document["readiness"]}
    if format is Format.JSON:
        output.write_json(found)
    else:
        _write_readiness(found)
    if found["ready"] is not True:
        raise typer.Exit(EXIT_FAILED if found["ready"] is False else EXIT_INCONCLUSIVE)


def _path(client: Client, workflow: str | None, filters: ExecutionFilterOptions) -> str:
    """Of the workflow that is named, else of the only one whose executions match."""
    if workflow is None:
        known = [row["workflow"] for row in client.get("/api/v1/workflows", filters.pairs())["workflows"]]
        if not known:
            raise UsageError(
                "no execution matches, so there is no workflow; other filters may find some: --purpose all"
            )
        if len(known) > 1:
            raise UsageError(f"which workflow? name one of {', '.join(known)}")
        (workflow,) = known
    return f"/api/v1/workflows/{quote(workflow, safe='')}"


def _read(file: Path) -> Any:
    from whichstep_cli.contracts import read_contract  # noqa: PLC0415 (Polars is slow to import)

    return read_contract(file)


def _write_check(document: Document) -> None:
    conformance = document["conformance"]
    output.write_text(
        f"{document['workflow']}: {_of(conformance)} executions keep to the contract"
        f" (fitness {_number(document['fitness'])}, precision {_number(document['precision'])})"
    )
    columns = {"move": "move", "step": "step", "rule": "rule", "executions": "executions", "reason": "reason",
               "example": "example"}  # fmt: skip
    if document["deviations"]:
        rows = [{**row, "example": next(iter(row["examples"]), None)} for row in document["deviations"]]
        output.write_table(columns, rows)
    if document["examined"] < document["executions"]:
        output.remark(f"the latest {document['examined']:,} of {document['executions']:,} executions were examined")
    if document["unchecked_outputs"]:
        output.remark(
            f"{document['unchecked_outputs']:,} outputs with a schema are not known whole and were not checked"
        )


def _write_readiness(found: Document) -> None:
    verdict = {True: "has earned", False: "has not earned", None: "cannot be said to have earned"}[found["ready"]]
    level = "without a contract" if found["level"] is None else f"at level {found['level']}"
    observed = found["observed"]["level"]
    output.write_text(f"{found['workflow']} {level} {verdict} the next level: {found['reason']}")
    output.write_text(f"observed level: {observed or 'unknown'} ({found['observed']['reason']})")
    columns = {
        "of": "of",
        "counted": "good of known",
        "total": "of all",
        "lower": "at least",
        "bar": "bar",
        "more": "more",
    }
    rows = [
        {
            **bound,
            "counted": f"{bound['good']:,} of {bound['known']:,}",
            "lower": None if bound["lower"] is None else f"{bound['lower']:.1%}",
            "bar": f"{bound['bar']:.1%}",
        }
        for bound in found["bounds"]
    ]
    output.write_table(columns, rows)


def _of(share: Document) -> str:
    if not share["denominator"]:
        return f"unknown of {share['n']:,}"
    return f"{share['numerator']:,} of {share['denominator']:,} ({share['value']:.1%}, at least {share['lower']:.1%})"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
