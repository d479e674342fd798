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


def program_of(module: str, framework: Framework) -> list[str]:
    """The command that plays a run, its environment installed where it is missing or its requirements have changed."""
    return [str(_python_of(module, framework)), "-m", "frameworks.play"]


def _python_of(module: str, framework: Framework) -> Path:
    folder = CACHE / "environments" / (framework.environment or module)
    wanted = [*TELEMETRY, *framework.requirements, *(r for setup in framework.setups for r in setup.requirements)]
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    mark = folder / "installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != digest:
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, wanted)
        mark.write_text(digest, encoding="utf-8")
    return folder / "bin" / "python"


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
