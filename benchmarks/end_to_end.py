"""How fast, how small, how fresh is the whole sidecar? Real process, OTLP/HTTP on loopback, durable acknowledgements.

CPU figures are of the whole process tree until nothing is left to do, the client left out. Prints one line a figure.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import browser
from benchmarks.load import long_agent_requests, support_requests
from benchmarks.sending import send
from benchmarks.sidecar import Sidecar


def run(spans: int = 1_000_000) -> Iterator[str]:
    """Yields one printed line a figure."""
    with tempfile.TemporaryDirectory(prefix="whichstep-bench-") as folder:
        yield from _start_and_idle(Path(folder) / "idle")
    with tempfile.TemporaryDirectory(prefix="whichstep-bench-") as folder:
        yield from _ingest(Path(folder) / "ingest", spans)
    with tempfile.TemporaryDirectory(prefix="whichstep-bench-") as folder:
        yield from _disk(Path(folder) / "disk")


def _start_and_idle(data_dir: Path) -> Iterator[str]:
    data_dir.mkdir()
    with Sidecar(data_dir, dashboard=True) as sidecar:
        yield f"doors and API ready: {sidecar.ready_seconds:.2f} s (target 3)"
        yield f"dashboard ready: {sidecar.await_dashboard():.2f} s (target 6)"
        sidecar.tree.await_quiet()
        before = sidecar.tree.cpu_seconds()
        time.sleep(20)
        yield f"idle CPU: {(sidecar.tree.cpu_seconds() - before) / 20:.2%} of one core (target about 0)"
        yield f"PSS of sidecar and dashboard before the first page: {sidecar.tree.pss_mib():.0f} MiB (target 250)"
        yield _after_first_page(sidecar)


def _after_first_page(sidecar: Sidecar) -> str:
    if not browser.is_installed():
        return "PSS after the first page: not measured, there is no Chromium"
    before = sidecar.tree.cpu_seconds()
    with browser.open_page(f"http://127.0.0.1:{sidecar.dashboard_port}/"):
        while sidecar.tree.cpu_seconds() - before < 0.3:  # the page asks, and the dashboard imports its screens
            time.sleep(0.1)
        sidecar.tree.await_quiet()
        spent = sidecar.tree.cpu_seconds() - before
        return (
            f"PSS after the first page: {sidecar.tree.pss_mib():.0f} MiB (target 400), {spent:.1f} s CPU for the page"
        )


def _ingest(data_dir: Path, spans: int) -> Iterator[str]:
    data_dir.mkdir()
    start_ns = time.time_ns() - 6 * 3600 * 10**9
    requests = list(support_requests(spans // 11, seed=7, start_ns=start_ns))
    size = sum(len(request.body) for request in requests)
    total = sum(request.spans for request in requests)
    with Sidecar(data_dir, dashboard=False) as sidecar:
        sidecar.tree.await_quiet()
        cpu = sidecar.tree.cpu_seconds()
        began = time.perf_counter()
        latencies = send(sidecar.http_port, requests).seconds
        acknowledged = time.perf_counter() - began
        while sidecar.sql("select count(*) from spans")[0][0] < total:
            time.sleep(0.5)  # the count itself costs the sidecar CPU
        queryable = time.perf_counter() - began
        sidecar.tree.await_quiet()
        spent = (sidecar.tree.cpu_seconds() - cpu) / total * 1e6
        kib = size / total / 1024
        target = 60 + 12 * max(0.0, kib - 1500 / 1024)
        yield (
            f"ingest of {total} spans of {size / total:.0f} B, 512 a request: {total / acknowledged:,.0f} spans/s acknowledged, "
            f"{total / queryable:,.0f} queryable (target 8,000)"
        )
        yield f"CPU of the process tree until nothing is left: {spent:.1f} us a span (target {target:.0f})"
        yield f"acknowledgement: p50 {statistics.median(latencies) * 1e3:.0f} ms, p99 {_percentile(latencies, 0.99) * 1e3:.0f} ms"
        yield f"memory after the load: PSS {sidecar.tree.pss_mib():.0f} MiB"
        opened = [
            _open(sidecar, request.trace_ids[0])
            for request in requests[:: max(1, len(requests) // 40)]
            if request.trace_ids
        ]
        yield (
            f"open an execution by id at {total:,} spans: p50 {statistics.median(opened) * 1e3:.0f} ms, "
            f"max {max(opened) * 1e3:.0f} ms (target 50)"
        )
        yield from _freshness(sidecar)


def _freshness(sidecar: Sidecar) -> Iterator[str]:
    spans, executions = [], []
    for index in range(5):
        request = next(support_requests(1, seed=1000 + index, start_ns=time.time_ns()))
        trace_id = request.trace_ids[0]
        send(sidecar.http_port, [request])
        acknowledged = time.perf_counter()
        while not sidecar.sql(f"select 1 from spans where trace_id = '{trace_id}' limit 1"):
            time.sleep(0.02)
        spans.append(time.perf_counter() - acknowledged)
        while sidecar.get(f"/api/v1/executions/{trace_id}")[0] != 200:
            time.sleep(0.02)
        executions.append(time.perf_counter() - acknowledged)
    yield f"queryable after the acknowledgement: spans {max(spans):.2f} s (target 2), executions {max(executions):.2f} s (target 5)"


def _disk(data_dir: Path) -> Iterator[str]:
    data_dir.mkdir()
    requests = list(long_agent_requests(600, turns=20, seed=3, start_ns=time.time_ns() - 3600 * 10**9))
    size = sum(len(request.body) for request in requests)
    with Sidecar(data_dir, dashboard=False) as sidecar:
        empty = sidecar.disk_bytes()
        send(sidecar.http_port, requests)
        sidecar.tree.await_quiet()
    # After the stop: sealed, checkpointed, journal removed.
    used = sum(path.stat().st_blocks * 512 for path in data_dir.rglob("*") if path.is_file()) - empty
    total = sum(request.spans for request in requests)
    yield (
        f"disk, agents of 20 turns ({total:,} spans, {size / total / 1024:.1f} KiB a span): "
        f"{used / size:.3f} of the OTLP bytes (target 0.15)"
    )


def _open(sidecar: Sidecar, execution_id: str) -> float:
    began = time.perf_counter()
    status, body = sidecar.get(f"/api/v1/executions/{execution_id}")
    if status != 200:
        raise RuntimeError(f"execution {execution_id}: {status} {body[:200]!r}")
    return time.perf_counter() - began


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
