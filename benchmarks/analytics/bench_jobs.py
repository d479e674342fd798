"""What does a recompute cost? CPU per span for many small executions, for one large, and for a tick on a real store.

One line a case: spans, CPU of this process (all threads), CPU per span, wall, and peak memory so far. The median of
several rounds after a warm-up; run it on a quiet machine, or read the minimum. Synthetic agents: of three spans one is
a model call, one a tool, one transport; one execution in seven has an error that is retried.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for part in ("analytics", "collector", "store", "sdk", "tests", "tests/analytics"):
    sys.path.append(str(ROOT / part))

import polars as pl  # noqa: E402
from frames import agent, call, failed, frame, span, tool  # noqa: E402

import store_builders  # noqa: E402
from whichstep_analytics.job import recompute  # noqa: E402
from whichstep_analytics.jobs.frames import empty  # noqa: E402
from whichstep_analytics.prices import default_prices  # noqa: E402
from whichstep_analytics.runner import JobRunner  # noqa: E402
from whichstep_store.batches import JournalPosition  # noqa: E402
from whichstep_store.results import EVALUATION_FIELDS, NEIGHBOUR_FIELDS  # noqa: E402
from whichstep_store.store import Store  # noqa: E402

MICRO = 1_000_000


def execution(number: int, spans: int) -> list[dict[str, Any]]:
    first = number * 100_000 + 1
    rows = [agent(first, at=0, trace_id=number, input="please " * 20, output="done " * 30)]
    for index in range(1, spans):
        place = {"at": index / 10, "took": 0.05, "trace_id": number}
        step_id, digest = first + index, f"{number * 100_000 + index:032x}"
        if index % 3 == 1:
            rows.append(call(step_id, first, asks="lookup", input="x" * 800, output="y" * 300, input_digest=digest,
                             configuration_digest="ab" * 16, **place))  # fmt: skip
        elif index % 3 == 2:
            broken = number % 7 == 0 and index == 5
            row = tool(step_id, first, arguments=digest, result="r" * 400, **place)
            rows.append(failed(row) if broken else row)
        else:
            rows.append(span(step_id, first, type="none", **place))
    return rows


def measured(name: str, spans: int, work: Callable[[], object], rounds: int) -> None:
    work()
    cpu, wall = [], []
    for _ in range(rounds):
        cpu_before, wall_before = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - cpu_before)
        wall.append(time.perf_counter() - wall_before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<38} {spans:>6} spans  cpu {statistics.median(cpu) * 1e3:7.1f} ms (min {min(cpu) * 1e3:6.1f})"
        f"  {statistics.median(cpu) * MICRO / max(spans, 1):6.1f} µs/span (min {min(cpu) * MICRO / max(spans, 1):5.1f})"
        f"  wall {statistics.median(wall) * 1e3:7.1f} ms  peak {peak:.0f} MB"
    )


def recomputing(spans: pl.DataFrame) -> Callable[[], object]:
    evaluations, neighbours, prices = empty(EVALUATION_FIELDS), empty(NEIGHBOUR_FIELDS), default_prices()
    return lambda: recompute(spans, evaluations, neighbours, prices=prices, as_of=store_builders.NOON * 2)


def of_many(executions: int, spans: int) -> pl.DataFrame:
    return frame(*(row for number in range(1, executions + 1) for row in execution(number, spans)))


def stored(folder: str, executions: int, spans: int) -> None:
    clock = itertools.count(time.time_ns(), 10 * 10**9)  # every tick looks, none is too soon after another
    with Store.open(folder) as store:
        runner = JobRunner(store, clock=lambda: next(clock))
        rows = [
            store_builders.span(number, index + 1, parent_span_id=None if index == 0 else 1, step_index=index,
                                type=("agent", "llm_call", "tool_call", "none")[min(index, 1) + index % 3 * (index > 0)])
            for number in range(executions) for index in range(spans)
        ]  # fmt: skip
        store.writer.load([store_builders.batch(rows)], JournalPosition(1, 1))
        cpu, wall = time.process_time(), time.perf_counter()
        runner.tick()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(
            f"{f'first tick on a store {executions} x {spans}':<38} {len(rows):>6} spans  cpu {cpu * 1e3:7.1f} ms"
            f"  {cpu * MICRO / len(rows):6.1f} µs/span  wall {wall * 1e3:7.1f} ms"
        )
        measured("idle tick", 0, runner.tick, 50)


def growing(folder: str, *, spans: int, step: int) -> None:
    """One trace that grows without a pause: all ticks until it has so many spans."""
    now = store_builders.NOON
    with Store.open(folder, clock=lambda: now) as store:
        runner, spent, recomputes = JobRunner(store, clock=lambda: now), 0.0, 0
        for start in range(1, spans, step):
            rows = [
                store_builders.span(1, number, parent_span_id=1 if number > 1 else 10**9, step_index=number)
                for number in range(start, start + step)
            ]
            store.writer.load([store_builders.batch(rows)], JournalPosition(1, start))
            before = time.process_time()
            runner.tick()
            spent += time.process_time() - before
            recomputes += store.reader.touched().num_rows == 0
            now += 2_100_000_000 if start < 2_000 else 1_000_000_000
        print(
            f"{f'one trace, {step} spans at a time':<38} {spans:>6} spans  cpu {spent * 1e3:7.1f} ms"
            f"  {spent * MICRO / spans:6.1f} µs/span  {recomputes} recomputes of {spans // step} loads"
        )


def main() -> None:
    for executions, spans in ((1, 10), (50, 10), (500, 10), (2_000, 10), (1, 10_000)):
        given = of_many(executions, spans)
        measured(
            f"recompute {executions} x {spans}", given.height, recomputing(given), 7 if given.height > 5_000 else 20
        )
    for executions, spans in ((500, 10), (1, 10_000)):
        with tempfile.TemporaryDirectory() as folder:
            stored(folder, executions, spans)
    with tempfile.TemporaryDirectory() as folder:
        growing(folder, spans=10_000, step=100)


if __name__ == "__main__":
    main()
