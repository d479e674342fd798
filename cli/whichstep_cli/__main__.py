"""Entry point of `whichstep`: refuses politely in a base install, turns failures into one sentence and an exit code.

Imports the standard library only, so that it works whatever is installed; `run` is all that a base install has.
WHICHSTEP_DEBUG=1 shows tracebacks.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

from whichstep_cli.errors import EXIT_USAGE
from whichstep_cli.exits import exit_codes, say

_NEEDED = ("typer", "rich", "httpx", "duckdb", "pyarrow", "polars", "uvicorn")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        from whichstep.run import main as run  # noqa: PLC0415 (the SDK's; a base install has it)

        run(words[1:])
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        say(f"this is the SDK alone ({missing[0]} is missing); get the command with: pip install 'whichstep[server]'")
        sys.exit(EXIT_USAGE)
    with exit_codes():
        _run(arguments)


def _run(arguments: Sequence[str] | None) -> None:
    from whichstep_cli.app import app  # noqa: PLC0415 (needs what a base install lacks)

    app(args=None if arguments is None else list(arguments), prog_name="whichstep")


if __name__ == "__main__":
    main()
