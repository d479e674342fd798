"""Which version of whichstep this is."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def installed_version() -> str:
    """The version of the installed distribution; in a source tree, of the sources."""
    try:
        return version("whichstep")
    except PackageNotFoundError:
        sources = Path(__file__).parents[2] / "pyproject.toml"
        return f"{tomllib.loads(sources.read_text('utf-8'))['project']['version']} (sources)"
