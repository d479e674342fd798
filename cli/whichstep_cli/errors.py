"""How a command fails: one sentence (what failed, on what, what to do next) and an exit code.

CommandError
├── UsageError         2  wrong usage or configuration
└── UnreachableError   4  cannot reach the sidecar, or cannot open the data
"""

from __future__ import annotations

from typing import Final

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNREACHABLE: Final = 4


class CommandError(Exception):
    """A command could not do what was asked; the message is what the user reads."""

    exit_code = EXIT_FAILED


class UsageError(CommandError):
    """The request itself is wrong."""

    exit_code = EXIT_USAGE


class UnreachableError(CommandError):
    """The sidecar does not answer, or the folder cannot be opened."""

    exit_code = EXIT_UNREACHABLE
