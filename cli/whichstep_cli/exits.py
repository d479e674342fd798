"""How the process ends when a command fails: one sentence on stderr and an exit code. Standard library only.

WHICHSTEP_DEBUG=1 shows tracebacks.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from whichstep_cli.errors import EXIT_FAILED, CommandError


@contextmanager
def exit_codes() -> Iterator[None]:
    """Leave the process with the exit code of what fails in the block."""
    try:
        yield
    except CommandError as failure:
        if os.environ.get("WHICHSTEP_DEBUG"):
            raise
        say(str(failure))
        sys.exit(failure.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if os.environ.get("WHICHSTEP_DEBUG"):
            raise
        say(f"unexpected {type(error).__name__}: {error}; WHICHSTEP_DEBUG=1 shows where, please report it")
        sys.exit(EXIT_FAILED)


def say(sentence: str) -> None:
    """A sentence on stderr, in the name of the command."""
    print(f"whichstep: {sentence}", file=sys.stderr)  # noqa: T201 (a command speaks on stderr)
