"""Become another program that dies with its parent: `python child.py PROGRAM ARGUMENTS…`.

Linux tells a process when the thread that started it is gone; the wish survives exec. Elsewhere the child is ended by
its supervisor alone. Standard library only, for a start of milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1


def main() -> None:
    """Ask to be told of the parent's end, then run the program in this process."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel knew our wish
            sys.exit(0)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 (the supervisor's own command)


if __name__ == "__main__":
    main()
