"""Entry point of `whichstep`: refuses politely in a base install, turns failures into one sentence and an exit code.

Imports the standard library only, so that it works whatever is installed; `run` is all that a base install has.
WHICHSTEP_DEBUG=1 shows tracebacks.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from whichstep_cli.errors import EXIT_FAILED, EXIT_USAGE, CommandError

_NEEDED = ("typer", "rich", "httpx", "duckdb", "pyarrow", "polars", "uvicorn")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        from whichstep.run import main as run  # noqa: PLC0415 (the SDK's; a base install has it)

        run(words[1:])
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        _say(f"this is the SDK alone ({missing[0]} is missing); get the command with: pip install 'whichstep[server]'")
        sys.exit(EXIT_USAGE)
    try:
        _run(arguments)
    except CommandError as failure:
        if os.environ.get("WHICHSTEP_DEBUG"):
            raise
        _say(str(failure))
        sys.exit(failure.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has seen enough
        sys.exit(0)
    except Exception as error:
        if os.environ.get("WHICHSTEP_DEBUG"):
            raise
        _say(f"unexpected {type(error).__name__}: {error}; WHICHSTEP_DEBUG=1 shows where, please report it")
        sys.exit(EXIT_FAILED)


def _run(arguments: Sequence[str] | None) -> None:
    from whichstep_cli.app import app  # noqa: PLC0415 (needs what a base install lacks)

    app(args=None if arguments is None else list(arguments), prog_name="whichstep")


def _say(sentence: str) -> None:
    print(f"whichstep: {sentence}", file=sys.stderr)  # noqa: T201 (a command speaks on stderr)


if __name__ == "__main__":
    main()
