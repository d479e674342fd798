"""`whichstep policy`: check a policy file, say which rule decides on an action."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from whichstep.attributes import RISK_LEVELS
from whichstep.errors import ConfigurationError
from whichstep.policy import Decision, Policy
from whichstep_cli import output
from whichstep_cli.errors import EXIT_FAILED, UsageError
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Policies on actions: check a file, explain a decision, try another on the past.",
)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A policy.toml.")]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The policy; if not given WHICHSTEP_POLICY, policy.toml where there is one, else the sidecar's.",
    ),
]
_DEFAULT_FILE: Final = Path("policy.toml")


@app.command()
def check(
    file: FileArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Check a policy: all that is wrong with it, each with line, rule and remedy. Exit code 1 when something is.

    Example: whichstep policy check policy.toml
    """
    try:
        policy = Policy.load(file)
    except ConfigurationError as error:
        _write_problems(file, error, format)
        raise typer.Exit(EXIT_FAILED) from error
    counts = {level: sum(rule.risk_level == level for rule in policy.rules) for level in RISK_LEVELS}
    if format is Format.JSON:
        output.write_json({"file": str(file), "ok": True, "digest": policy.digest, "rules": counts, "problems": []})
        return
    said = ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "none"
    default = policy.default or "approve, as nothing else is set"
    output.write_text(f"{file} is in order: {len(policy.rules)} rules ({said}), all other actions {default}")


@app.command()
@takes_options
def explain(
    source: SourceOptions,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="The action, as issue_refund.")],
    arguments: Annotated[str | None, typer.Option(metavar="JSON", help="Its arguments, a JSON object.")] = None,
    environment: Annotated[str | None, typer.Option(help="Where the agent runs, as prod.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent that wants to run it.")] = None,
    policy: PolicyOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Say which rule decides on an action, and why. Nothing runs.

    Example: whichstep policy explain issue_refund --arguments '{"amount": 250}' --policy policy.toml
    """
    decision = _known(policy, source).check(action, _arguments(arguments), environment=environment, agent=agent)
    if format is Format.JSON:
        return output.write_json(dataclasses.asdict(decision))
    return output.write_text(_explained(decision))


@app.command("what-if")
@takes_options
def what_if(
    source: SourceOptions,
    filters: FilterOptions,
    file: FileArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Say what another policy would have asked and blocked, over past tool calls.

    Example: whichstep policy what-if stricter.toml --since 7d
    """
    from whichstep_cli.what_if import answer, write  # noqa: PLC0415 (Polars is slow to import)

    policy = load(file)
    pairs = filters.pairs()
    with open_source(source) as client:
        document = answer(client, pairs, policy)
        if format is Format.JSON:
            return output.write_json(document)
        write(document)
        return say_when_empty(client, pairs, found=bool(document["calls"]))


def _known(given: Path | None, source: SourceOptions) -> Policy:
    """The policy that an option or the environment names, else the file in this folder, else the sidecar's."""
    named = given or os.environ.get("WHICHSTEP_POLICY")
    if named or _DEFAULT_FILE.exists():
        return load(Path(named or _DEFAULT_FILE))
    with open_source(source) as client:
        found = client.get("/api/v1/policy")["policy"]
        if found is None:
            raise UsageError(
                f"the sidecar at {client.endpoint} has no policy, and there is no {_DEFAULT_FILE} here;"
                " name one with --policy"
            )
        output.remark(f"by the policy of the sidecar at {client.endpoint}")
        return Policy.from_dict(found)


def load(file: Path) -> Policy:
    """The policy of a file.

    Raises:
        UsageError: it cannot be used.
    """
    try:
        return Policy.load(file)
    except ConfigurationError as error:
        raise UsageError(f"{error}; name another with --policy" if not file.exists() else str(error)) from error


def _write_problems(file: Path, error: ConfigurationError, form: Format) -> None:
    problems = [dataclasses.asdict(problem) for problem in error.problems]
    if form is Format.JSON:
        output.write_json({"file": str(file), "ok": False, "digest": None, "rules": None, "problems": problems})
        return
    for problem in error.problems:
        output.write_text(str(problem))


def _arguments(text: str | None) -> dict[str, Any] | None:
    """None where there are none: then they are not known, which counts strictly."""
    if text is None:
        return None
    try:
        read = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--arguments is no JSON ({error}); write it as '{{\"amount\": 250}}'") from error
    if not isinstance(read, dict):
        raise UsageError("--arguments is a JSON object, as '{\"amount\": 250}'")
    return read


_MEANING: Final = {
    "auto": "it runs",
    "log": "it runs, and is marked to be looked at afterwards",
    "approve": "it waits for a person",
    "block": "it never runs; an attempt is a violation",
}


def _explained(decision: Decision) -> str:
    lines = [
        f"{decision.action}: {decision.risk_level}: {_MEANING[decision.risk_level]}",
        f"  because    {decision.reason}",
    ]
    if decision.risk_level == "approve":
        who = ", ".join(decision.reviewers) or "any reviewer"
        lines.append(f"  who        {decision.quorum} of: {who}")
        lines.append(f"  requester  {'may' if decision.requester_may_review else 'may not'} decide")
        lines.append(f"  expires    {decision.expires_in_seconds / 3600:g} h after it was asked for")
    return "\n".join([*lines, f"  policy     {decision.policy_digest}"])
