"""docs/cli.md, written from the commands themselves; a test keeps it current."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from whichstep_cli.app import COMMANDS, load

_HEAD: Final = """\
<!-- Generated from cli/whichstep_cli by docs/generate.py; edit there. -->
# Command line

`whichstep COMMAND --help` says the same. Reading commands ask the sidecar at `--endpoint` (`WHICHSTEP_ENDPOINT`), or
open the folder `--data-dir` themselves where nobody owns it. With `--format json` there is one document on stdout and
nothing else. Times are ISO 8601 in UTC, or `7d`, `24h` before now; a filter that is given twice means either value.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a check failed, or something was refused |
| 2 | wrong usage or configuration |
| 3 | inconclusive |
| 4 | cannot reach the sidecar, or cannot open the data |
"""


def reference() -> str:
    """Return docs/cli.md."""
    return "\n".join([_HEAD, *(line for name in COMMANDS for line in _command(load(name), f"whichstep {name}"))])


def _command(command: Any, path: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, item in command.commands.items():
            yield from _command(item, f"{path} {name}")
        return
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option" and item.name != "help"]
    usage = " ".join([path, "[OPTIONS]", *(_placeholder(item) for item in arguments)])
    yield f"## {path}\n"
    yield f"{' '.join(command.help.split())}\n"
    yield f"    {usage}\n"
    yield "| option | default | |"
    yield "|---|---|---|"
    for item in [*arguments, *options]:
        yield f"| {_names(item)} | {_default(item)} | {_help(item)} |"
    yield ""


def _placeholder(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return f"{name}…" if argument.nargs == -1 else str(name)


def _names(item: Any) -> str:
    if item.param_type_name == "argument":
        return f"`{_placeholder(item)}`"
    return ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])


def _default(item: Any) -> str:
    value = item.default
    if value is None or value in ("", []) or callable(value):
        return ""
    if isinstance(value, bool):
        names = item.opts if value else item.secondary_opts
        return f"`{names[0]}`" if names else ""
    return f"`{getattr(value, 'value', value)}`"


def _help(item: Any) -> str:
    return str(item.help or "").replace("|", "\\|")
