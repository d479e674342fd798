"""One virtual environment a framework, kept in a folder that git ignores; made with uv where it is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from frameworks.framework import Framework

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".frameworks"
TELEMETRY = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What `telemetry` needs."""


def folder_of(module: str) -> Path:
    """Where a framework is installed."""
    return CACHE / "environments" / module


def program_of(module: str, framework: Framework) -> list[str]:
    """The command that plays runs, its environment installed where it is missing or its requirements have changed."""
    folder = folder_of(module)
    wanted = [*framework.requirements, *(r for setup in framework.setups for r in setup.requirements)]
    wanted += [] if framework.node else TELEMETRY
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    mark = folder / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != digest:
        shutil.rmtree(folder, ignore_errors=True)
        (_install_node if framework.node else _install)(folder, wanted)
        mark.write_text(digest, encoding="utf-8")
    return [sys.executable if framework.node else str(folder / "bin" / "python"), "-m", "frameworks.play"]


def _install_node(folder: Path, wanted: list[str]) -> None:
    folder.mkdir(parents=True)
    _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted)


def _install(folder: Path, wanted: list[str]) -> None:
    uv = shutil.which("uv")
    python = folder / "bin" / "python"
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), *wanted)
    else:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--no-compile", *wanted)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": ""})
