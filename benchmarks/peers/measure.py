"""One round with one server: start, idle, load, questions, disk; and how much of what it acknowledged a kill takes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import Request
from benchmarks.peers.servers import Server
from benchmarks.process_tree import ProcessTree
from benchmarks.sending import Acknowledged, send

OPENED = 12
"""Traces that are opened; the median is told."""


class Round(NamedTuple):
    """What one round gave."""

    ready_seconds: float
    idle_mib: float
    acknowledged_per_second: float
    queryable_per_second: float
    cpu_us_per_span: float
    loaded_mib: float
    open_ms: float
    disk_bytes_per_span: float
    lost_share: float
    """Of the spans acknowledged before a SIGKILL, those that are gone after the restart."""


def measure(kind: type[Server], bin_dir: Path, home: Path, requests: Sequence[Request]) -> Round:
    """A round on an empty folder, which is removed afterwards."""
    try:
        lost = _lost_share(kind(bin_dir, home / "killed", _free_port()), requests)
        server = kind(bin_dir, home / "loaded", _free_port())
        spans = sum(request.spans for request in requests)
        with _running(server) as (tree, ready):
            tree.await_quiet()
            empty, idle, cpu = _disk_bytes(server), tree.pss_mib(), tree.cpu_seconds()
            began = time.perf_counter()
            send(server.port, requests, headers=server.headers)
            acknowledged = time.perf_counter() - began
            _await_spans(server, spans)
            queryable = time.perf_counter() - began
            tree.await_quiet()
            spent, loaded = tree.cpu_seconds() - cpu, tree.pss_mib()
            opened = _open_seconds(server, requests)
        used = _disk_bytes(server) - empty
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return Round(
        ready, idle, spans / acknowledged, spans / queryable, spent / spans * 1e6, loaded, opened * 1e3, used / spans, lost
    )  # fmt: skip


def _lost_share(server: Server, requests: Sequence[Request]) -> float:
    half, acknowledged = len(requests) // 2, Acknowledged()
    with _running(server) as (tree, _):
        sender = threading.Thread(
            target=send, args=(server.port, requests), kwargs={"headers": server.headers, "acknowledged": acknowledged}
        )
        sender.start()
        while len(acknowledged.seconds) < half:
            time.sleep(0.001)
        told = acknowledged.spans
        tree.kill()
        sender.join()
    with _running(server) as (tree, _):
        tree.await_quiet()
        return max(0.0, 1 - server.span_count() / told)


@contextmanager
def _running(server: Server) -> Iterator[tuple[ProcessTree, float]]:
    """The process tree, and seconds until it took traces."""
    arguments, variables = server.command()
    began = time.perf_counter()
    with (server.home / "log").open("ab") as log:
        process = subprocess.Popen(
            arguments, env={**os.environ, **variables}, cwd=server.home, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not server.is_healthy():
            if process.poll() is not None or time.perf_counter() - began > 120:
                raise RuntimeError(f"{server.name} did not start; see {server.home}/log")
            time.sleep(0.02)
        yield ProcessTree(process.pid), time.perf_counter() - began
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            ProcessTree(process.pid).kill()


def _await_spans(server: Server, spans: int, timeout_seconds: float = 900) -> None:
    deadline = time.perf_counter() + timeout_seconds
    while (found := server.span_count()) < spans:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{server.name} shows {found} of {spans} spans after {timeout_seconds:.0f} s")
        time.sleep(0.25)


def _open_seconds(server: Server, requests: Sequence[Request]) -> float:
    """Median time to open a trace that was sent whole."""
    taken = []
    for trace_id in [request.trace_ids[-1] for request in requests if request.trace_ids][:OPENED]:
        began = time.perf_counter()
        if not server.open_trace(trace_id):
            raise RuntimeError(f"{server.name} shows no span of {trace_id}")
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _disk_bytes(server: Server) -> int:
    return sum(path.stat().st_blocks * 512 for path in server.data_dir.rglob("*") if path.is_file())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
