"""Does a new execution cost as much beside a million stored ones as beside ten thousand, and how soon is it a figure?

Usage: python -m benchmarks.analytics.bench_arrivals [seconds]. A real `whichstep up` over a week of stored executions
gets 1,000 new ones of 11 spans a minute, one a request. CPU is of the process tree, less what it uses when idle.
Targets: cost flat from 10 thousand to 1 million stored, in the figures within 5 s.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from benchmarks.analytics.bench_metrics import CHUNK, stored_executions
from benchmarks.load import Request, support_requests
from benchmarks.sending import send
from benchmarks.sidecar import Sidecar

from whichstep_analytics.grounding import answers
from whichstep_analytics.job import RESULT_VERSION
from whichstep_store.results import GROUNDING_FIELDS, schema
from whichstep_store.store import Store

STORED = (10_000, 1_000_000)
A_MINUTE = 1_000
SPANS = 11
IDLE_SECONDS = 20.0
_POLL_SECONDS = 0.25


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    costs = []
    for stored in STORED:
        with tempfile.TemporaryDirectory(prefix="whichstep-bench-") as folder:
            cost, delays = _measure(Path(folder) / "data", stored, seconds)
        costs.append(cost)
        print(
            f"bench_arrivals: beside {stored:,} executions, {A_MINUTE:,} new ones a minute: {cost * 1000:.2f} ms CPU each; "
            f"in the figures after {sorted(delays)[len(delays) // 2]:.2f} s, at most {max(delays):.2f} s (target 5)",
            flush=True,
        )
    print(f"bench_arrivals: the cost beside {STORED[1]:,} is {costs[1] / costs[0]:.2f} of that beside {STORED[0]:,}")


def _measure(data_dir: Path, stored: int, seconds: float) -> tuple[float, list[float]]:
    """CPU seconds of an execution, and seconds until each of some others was in the figures."""
    now = time.time_ns()
    with Store.open(data_dir) as store:
        for start in range(0, stored, CHUNK):
            rows = stored_executions(start, min(CHUNK, stored - start), stored, now=now, result_version=RESULT_VERSION)
            store.writer.replace_results(rows)
            store.writer.replace_grounding(_checked(rows.executions.column("execution_id")))
    with Sidecar(data_dir, dashboard=False) as sidecar:
        sidecar.tree.await_quiet()
        before = sidecar.tree.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        idle = (sidecar.tree.cpu_seconds() - before) / IDLE_SECONDS
        count = round(seconds * A_MINUTE / 60)
        before, begun = sidecar.tree.cpu_seconds(), time.perf_counter()
        for request in _arriving(count, seed=1):
            send(sidecar.http_port, [request])
        sidecar.tree.await_quiet()
        spent = sidecar.tree.cpu_seconds() - before - idle * (time.perf_counter() - begun)
        return spent / count, _delays(sidecar, count)


def _checked(execution_ids: pa.ChunkedArray) -> pa.Table:
    """Says of executions that their answers were checked, and nothing was found."""
    named = {"version": answers.VERSION, "execution_id": execution_ids}
    columns = []
    for name, kind, nullable in GROUNDING_FIELDS:
        given = named.get(name, None if nullable else [] if pa.types.is_list(kind) else 0)
        columns.append(given if name == "execution_id" else pa.array([given] * len(execution_ids), kind))
    return pa.table(columns, schema=schema(GROUNDING_FIELDS))


def _arriving(count: int, *, seed: int) -> Iterator[Request]:
    """Requests of executions that just ended, at the rate."""
    made = list(support_requests(count, seed=seed, start_ns=time.time_ns() - 60 * 10**9, batch=SPANS))
    begun = time.perf_counter()
    for number, request in enumerate(made):
        time.sleep(max(0.0, begun + number * 60 / A_MINUTE - time.perf_counter()))
        yield request


def _delays(sidecar: Sidecar, count: int) -> list[float]:
    """Seconds from the acknowledgement of each execution to the first answer that counts as many."""
    acknowledged: list[float] = []
    since = dt.datetime.now(dt.UTC) - dt.timedelta(
        seconds=90
    )  # before the first of these starts; the others of the run are counted once
    known = _counted(sidecar, since)

    def arrive() -> None:
        for request in _arriving(count, seed=2):
            send(sidecar.http_port, [request])
            acknowledged.append(time.perf_counter())

    sender = threading.Thread(target=arrive)
    sender.start()
    seen: list[float] = []
    while len(seen) < count:
        time.sleep(_POLL_SECONDS)
        counted, at = _counted(sidecar, since) - known, time.perf_counter()
        seen.extend([at] * (counted - len(seen)))
    sender.join()
    return [after - sent for sent, after in zip(acknowledged, seen, strict=True)]


def _counted(sidecar: Sidecar, since: dt.datetime) -> int:
    status, body = sidecar.get(f"/api/v1/metrics?since={since:%Y-%m-%dT%H:%M:%SZ}")
    if status != 200:
        raise RuntimeError(f"no figures: {body[:300]!r}")
    (group,) = json.loads(body)["groups"]
    return int(group["metrics"]["task_success_rate"]["n"])


if __name__ == "__main__":
    main()
