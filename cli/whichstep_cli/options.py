"""The options that mean the same on every command, as dataclasses that a command takes as one parameter each.

    @app.command()
    @takes_options
    def metrics(source: SourceOptions, filters: FilterOptions, by: ... = "") -> None: ...

`takes_options` shows typer the fields in place of the dataclass and hands the command the filled-in values.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import typer

from whichstep_cli.errors import UnreachableError, UsageError
from whichstep_store.filters import FilterError, Filters

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4318"
_TIME: Final = "7d|24h|ISO"
R = TypeVar("R")


class Format(StrEnum):
    """How a reading command answers."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", help="Tables for people, or one JSON document and nothing else.")
]
DataDirOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The data folder; WHICHSTEP_DATA_DIR or .whichstep unless given.")
]
OptionalText = str | None
Values = list[str] | None


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Where a reading command reads: the running sidecar, or a data folder."""

    endpoint: Annotated[str, typer.Option(envvar="WHICHSTEP_ENDPOINT", metavar="URL", help="The sidecar to ask.")] = (
        DEFAULT_ENDPOINT
    )
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read this folder; its owner is asked where one runs.")
    ] = None

    @property
    def token(self) -> str | None:
        """The bearer token; from WHICHSTEP_TOKEN alone, as arguments can be read by every user of the machine."""
        return os.environ.get("WHICHSTEP_TOKEN") or None


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which executions: all that match every filter given; an option given twice means either value."""

    since: Annotated[OptionalText, typer.Option(metavar=_TIME, help="Started at or after.")] = None
    until: Annotated[OptionalText, typer.Option(metavar=_TIME, help="Started before.")] = None
    release: Annotated[Values, typer.Option(help="Version of the agent that ran.")] = None
    task_type: Annotated[Values, typer.Option(help="Kind of task, as refund_request.")] = None
    agent: Annotated[Values, typer.Option(help="Name of the agent.")] = None
    service: Annotated[Values, typer.Option(help="service.name of the sender.")] = None
    environment: Annotated[Values, typer.Option(help="As prod or staging.")] = None
    purpose: Annotated[Values, typer.Option(help="production (the default), dataset, adversarial, demo or all.")] = None

    def pairs(self) -> list[tuple[str, str]]:
        """The filters given, as query-string pairs, checked here so that a mistake is a usage error everywhere."""
        given = ((item.name, getattr(self, item.name)) for item in dataclasses.fields(self))
        pairs = [(name, text) for name, value in given for text in _texts(value)]
        try:
            Filters.parse(pairs, now=time.time_ns())
        except FilterError as error:
            raise UsageError(str(error)) from error
        return pairs


@dataclass(frozen=True, slots=True)
class ExecutionFilterOptions(FilterOptions):
    """The filters of `FilterOptions`, and those that speak of one execution's end."""

    status: Annotated[Values, typer.Option(help="running, waiting, ok, error or abandoned.")] = None
    success: Annotated[Values, typer.Option(help="true, false or unknown.")] = None
    failure_kind: Annotated[Values, typer.Option(help="As tool_error, loop or empty_retrieval.")] = None
    failing_step: Annotated[Values, typer.Option(help="Name or path of the step that failed.")] = None
    failing_path: Annotated[Values, typer.Option(help="Path of the step that failed, as `failures` shows.")] = None
    signature: Annotated[Values, typer.Option(help="Signature of the failure, as `failures --by signature` shows.")] = (
        None
    )
    configuration: Annotated[Values, typer.Option(help="What really ran: its id, as `compare` shows.")] = None
    tool: Annotated[Values, typer.Option(help="Name of a tool that was called.")] = None
    expected_tool: Annotated[Values, typer.Option(help="A tool that was right, as `whichstep tools` shows.")] = None
    chosen_tool: Annotated[Values, typer.Option(help="The tool that was chosen in its place.")] = None
    session_id: Annotated[Values, typer.Option("--session", help="The conversation.")] = None
    user_id: Annotated[Values, typer.Option("--user", help="The user.")] = None
    query: Annotated[OptionalText, typer.Option(metavar="TEXT", help="Text within the input or output.")] = None


def chosen_data_dir(given: Path | None) -> Path:
    """The data folder that a maintenance command works on.

    Raises:
        UnreachableError: there is no such folder.
    """
    folder = given or Path(os.environ.get("WHICHSTEP_DATA_DIR") or ".whichstep")
    if not folder.is_dir():
        raise UnreachableError(f"cannot open {folder}: there is no such folder; name it with --data-dir")
    return folder


def takes_options(command: Callable[..., R]) -> Callable[..., R]:
    """The command with each parameter that is a dataclass of options spread into that dataclass's own options."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind) and isinstance(kind, type)}
    parameters = list(inspect.signature(command).parameters.values())
    own = [item.replace(annotation=hints[item.name]) for item in parameters if item.name not in groups]
    spread = [item for kind in groups.values() for item in _options(kind)]

    @functools.wraps(command)
    def run(**values: Any) -> R:
        for name, kind in groups.items():
            values[name] = kind(**{item.name: values.pop(item.name) for item in dataclasses.fields(kind)})
        return command(**values)

    shown = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own + spread]
    run.__annotations__ = {item.name: item.annotation for item in shown}
    vars(run)["__signature__"] = inspect.Signature(shown)
    return run


def _options(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name])
        for item in dataclasses.fields(kind)
    ]


def _texts(value: list[str] | str | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value
