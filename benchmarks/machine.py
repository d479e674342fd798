"""Describes the machine a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def describe() -> str:
    """One line: cores, processor, memory, Python and the versions that matter."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "pyarrow", "protobuf"))
    memory_gib = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory_gib:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}; load average {load:.1f}"
    )


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
