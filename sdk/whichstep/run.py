"""`whichstep run -- python agent.py`: runs a program with its agent frameworks recorded, without a line in the program.

The program takes the place of this process, so its exit code, signals, standard input and arguments are its own. Its
Python, and that of its child processes, begins with `startup_hook/sitecustomize.py`. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from whichstep.startup import ANNOUNCE, FRAMEWORKS

HOOK: Final = Path(__file__).with_name("startup_hook")
OPTIONS: Final = (
    ("--service", "OTEL_SERVICE_NAME", "NAME", "Name of the service that is recorded."),
    ("--release", "WHICHSTEP_RELEASE", "VERSION", "Version of the agent, by which releases are compared."),
    ("--environment", "WHICHSTEP_ENVIRONMENT", "NAME", "As prod or staging."),
    ("--endpoint", "WHICHSTEP_ENDPOINT", "URL", "The sidecar to send to."),
    ("--frameworks", FRAMEWORKS, "NAMES", "Record these alone, with commas; a model client named here in any case."),
)
"""Option, the environment variable that says the same, placeholder, help."""
SUMMARY: Final = "Run a program with its agent frameworks recorded, without a change to the program."
EXIT_USAGE, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND = 2, 126, 127


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Become the program that the arguments name; leaves with 127 where there is none, 126 where it cannot be run."""
    options, words = _split(sys.argv[1:] if arguments is None else arguments)
    parsed = _parser().parse_args(options)
    command = _command(words)
    if not command:
        _parser().error("name the program: whichstep run -- python agent.py")
    given = {variable: vars(parsed)[option[2:]] for option, variable, _, _ in OPTIONS}
    _become(command, environment({name: value for name, value in given.items() if value is not None}))


def environment(given: dict[str, str]) -> dict[str, str]:
    """This process's environment, what the options say, and our hook in front of PYTHONPATH."""
    path = os.environ.get("PYTHONPATH")
    first = [str(HOOK), *([path] if path else [])]
    return {**os.environ, **given, "PYTHONPATH": os.pathsep.join(first), ANNOUNCE: "1"}


def _parser() -> argparse.ArgumentParser:
    usage = "whichstep run [OPTIONS] -- python agent.py | -m module | agent.py | any program, and its arguments"
    parser = argparse.ArgumentParser("whichstep run", usage=usage, description=SUMMARY, allow_abbrev=False)
    for option, variable, placeholder, text in OPTIONS:
        parser.add_argument(option, metavar=placeholder, help=f"{text} (also {variable})")
    return parser


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own options, each with its value, and what comes after them: the program's words are not ours to read."""
    end = 0
    while end < len(words) and words[end].startswith("-") and words[end] not in {"--", "-m"}:
        end += 2 if words[end] in {option for option, *_ in OPTIONS} else 1
    return list(words[:end]), list(words[end:])


def _command(words: Sequence[str]) -> list[str]:
    """The program and its arguments; a module or a file that cannot be run by itself gets this Python in front."""
    words = list(words[1:] if words[:1] == ["--"] else words)
    is_file = bool(words) and words[0].endswith((".py", ".pyz")) and not os.access(words[0], os.X_OK)
    return [sys.executable, *words] if words[:1] == ["-m"] or is_file else words


def _become(command: list[str], variables: dict[str, str]) -> NoReturn:
    program = shutil.which(command[0], path=variables.get("PATH"))
    try:
        if os.name == "nt":  # Windows cannot replace a process
            sys.exit(subprocess.call([program or command[0], *command[1:]], env=variables))  # noqa: S603  as asked
        os.execvpe(program or command[0], command, variables)  # noqa: S606  as asked
    except FileNotFoundError:
        _fail(EXIT_NOT_FOUND, f"there is no program {command[0]}")
    except OSError as error:
        _fail(EXIT_NOT_EXECUTABLE, f"cannot run {command[0]}: {error.strerror}")


def _fail(code: int, reason: str) -> NoReturn:
    sys.stderr.write(f"whichstep run: {reason}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
