"""The same load to whichstep and to its peers, one after the other, on this machine: docs/comparison.md.

    python -m benchmarks.peers [--only Phoenix,MLflow] [--spans 5500] [--rounds 3] [--write]

Needs `uv` and a package index: each peer is installed from PyPI into an environment of its own, which is kept. CPU and
bytes are the solid figures on a shared machine; times compare within one run only. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.load import support_requests
from benchmarks.peers.measure import Round, measure
from benchmarks.peers.servers import SERVERS, Server

ENVIRONMENTS = Path.home() / ".cache" / "whichstep" / "peers"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "comparison.md"
ROWS: Mapping[str, tuple[str, str]] = {
    "ready_seconds": ("ready after the start, s", "{:.1f}"),
    "acknowledged_per_second": ("spans acknowledged, /s", "{:,.0f}"),
    "queryable_per_second": ("spans queryable, /s", "{:,.0f}"),
    "cpu_us_per_span": ("CPU a span, µs", "{:,.0f}"),
    "open_ms": ("one trace opened, ms", "{:.0f}"),
    "idle_mib": ("memory idle (PSS), MiB", "{:,.0f}"),
    "loaded_mib": ("memory after the load (PSS), MiB", "{:,.0f}"),
    "disk_bytes_per_span": ("disk a span, bytes", "{:,.0f}"),
    "lost_share": ("lost of what was acknowledged before a `kill -9`", "{:.0%}"),
}
Found = dict[type[Server], tuple[str, list[Round]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names, with commas; whichstep is always measured")
    parser.add_argument("--spans", type=int, default=5500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write docs/comparison.md")
    options = parser.parse_args()
    chosen = [server for server in SERVERS if _is_chosen(server, options.only)]
    text = _table(_measured(chosen, options.spans, options.rounds))
    print(text)
    if options.write:
        before, _, _ = PAGE.read_text(encoding="utf-8").partition("\n## Measured\n")
        PAGE.write_text(f"{before}\n## Measured\n\n{text}", encoding="utf-8")


def _is_chosen(server: type[Server], only: str | None) -> bool:
    return only is None or server.requirement is None or server.name.lower() in only.lower().split(",")


def _measured(servers: Sequence[type[Server]], spans: int, rounds: int) -> Found:
    start_ns = time.time_ns() - 6 * 3600 * 10**9
    requests = list(support_requests(spans // 11, seed=7, start_ns=start_ns))
    found: Found = {server: (_installed(server), []) for server in servers}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else servers[::-1]:
            with tempfile.TemporaryDirectory(prefix="whichstep-peers-") as home:
                found[server][1].append(measure(server, _bin_dir(server), Path(home), requests))
            print(f"round {number + 1}, {server.name}: {found[server][1][-1]}", file=sys.stderr, flush=True)
    return found


def _bin_dir(server: type[Server]) -> Path:
    return Path(sys.executable).parent if server.requirement is None else ENVIRONMENTS / server.name / "bin"


def _installed(server: type[Server]) -> str:
    """The version; installs what is missing."""
    python = _bin_dir(server) / "python"
    if server.requirement is not None and not python.exists():
        print(f"installing {server.requirement} …", file=sys.stderr, flush=True)
        subprocess.run(["uv", "venv", "--quiet", ENVIRONMENTS / server.name], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, server.requirement], check=True)
    return server(_bin_dir(server), Path(tempfile.mkdtemp()), 0).version()


def _table(found: Found) -> str:
    heads = [f"{server.name} {version}" for server, (version, _) in found.items()]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name, (words, form) in ROWS.items():
        cells = [form.format(statistics.median(getattr(one, name) for one in rounds)) for _, rounds in found.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    rounds = max(len(rounds) for _, rounds in found.values())
    return "\n".join([*lines, "", f"Median of {rounds} rounds, {machine.describe()}.", ""])


if __name__ == "__main__":
    main()
