"""Opens a page in a headless Chromium with an empty profile, for figures that need a first page."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0"
).split()


def is_installed() -> bool:
    return _program() is not None


@contextmanager
def open_page(url: str) -> Iterator[None]:
    """The page stays open for the block; it is being loaded when the block begins."""
    program = _program()
    if program is None:
        raise RuntimeError(f"no browser: none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(prefix="whichstep-profile-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def _program() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)
