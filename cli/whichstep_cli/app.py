"""The command table: names, one line each, and where the command lives. A command's module is imported when it runs."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from whichstep_cli.version import installed_version


class Entry(NamedTuple):
    """A command: the module that defines its `app`, and its line in the list."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "up": Entry("up", "Run the sidecar: OTLP doors, store, jobs, APIs, dashboard."),
    "run": Entry("run", "Run a program with its agent frameworks recorded."),
    "demo": Entry("demo.command", "Send sample agents and weeks of sample history to the sidecar."),
    "doctor": Entry("doctor", "Check the endpoint, the store and what arrives."),
    "executions": Entry("executions", "List executions; explain one, step by step."),
    "metrics": Entry("metrics", "The eight metrics, each with n, coverage and interval."),
    "tools": Entry(
        "tools",
        "The tools: calls, errors, retries, time and cost of each; and what was chosen where another was right.",
    ),
    "failures": Entry("failures", "Where executions fail: counts, share, trend, examples."),
    "drift": Entry("drift", "Success and failure by turn, model calls so far and context size."),
    "grounding": Entry("grounding", "Answers that say what stands in no input, source or tool result."),
    "compare": Entry("compare", "What changed between two releases or configurations, beside what moved."),
    "workflow": Entry("workflow", "Contracts of workflows: check, learn, show, readiness."),
    "policy": Entry("policy", "Policies on actions: check a file, explain a decision, try another on the past."),
    "judge": Entry("judge", "Ask a model for a second opinion on failing steps, where one is set."),
    "approvals": Entry("approvals", "Requests for approval: list, show, decide; figures of what was decided."),
    "evaluate": Entry("evaluate", "Attach an evaluation to an execution or step."),
    "expect": Entry("expect", "Say which tools are right; it needs a reviewer's token."),
    "dataset": Entry("dataset", "Examples from what happened: decisions of reviewers, as a file of JSON lines."),
    "sql": Entry("sql", "Read-only SQL over the public views."),
    "export": Entry("export", "Write what matches to Parquet or JSONL files."),
    "import": Entry(
        "imports.command",
        "Send recorded runs to the sidecar: OTLP, Langfuse, Phoenix, LangSmith, Inspect, lists of messages.",
    ),
    "tokens": Entry("tokens", "Make, list and revoke tokens: who may ask, read and decide."),
    "backup": Entry("backup", "Copy a data folder."),
    "verify": Entry("verify", "Check every file of a data folder."),
    "rebuild": Entry("rebuild", "Build the database again from segments, journal and ledger."),
}


class CommandTable(TyperGroup):
    """Lists the commands without importing them; imports the one that is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=entry.summary) for name, entry in COMMANDS.items()}

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """In the order of the table: what a newcomer needs first."""
        del ctx
        return list(COMMANDS)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:  # type: ignore[override]
        """The command that the first argument names, loaded."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in COMMANDS else None, rest


def load(name: str) -> Any:
    """The command (or group of commands) called `name`, from its module."""
    module = import_module(f"whichstep_cli.{COMMANDS[name].module}")
    command = typer.main.get_command(module.app)
    command.name = name
    return command


app = typer.Typer(
    cls=CommandTable, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"max_content_width": 100}
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it)
    if wanted:
        typer.echo(f"whichstep {installed_version()}")
        raise typer.Exit


def _show_settings(wanted: bool) -> None:  # noqa: FBT001 (typer calls it)
    if wanted:
        print_settings = import_module("whichstep_cli.print_settings")
        print_settings.run()
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    _settings: Annotated[
        bool,
        typer.Option(
            "--print-settings", callback=_show_settings, is_eager=True, help="Each setting and where it came from."
        ),
    ] = False,
) -> None:
    """Which step failed? Observability for AI agents: one command, one data folder."""
