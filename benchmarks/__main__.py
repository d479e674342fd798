"""`make bench`: the figures of the README, one line each, with the machine's description."""

from __future__ import annotations

import argparse
import runpy
import sys

from benchmarks import end_to_end, machine

APPROVALS = ("benchmarks.sdk.bench_gate", "benchmarks.sdk.bench_policy", "benchmarks.collector.bench_approvals")
PARTS = (
    "benchmarks.sdk.bench_overhead",
    "benchmarks.sdk.bench_workflow",
    *APPROVALS,
    "benchmarks.collector.bench_normalise",
    "benchmarks.collector.bench_journal",
    "benchmarks.store.load",
    "benchmarks.analytics.bench_jobs",
    "benchmarks.analytics.bench_locate",
    "benchmarks.analytics.bench_metrics",
    "benchmarks.analytics.bench_arrivals",
    "benchmarks.analytics.bench_grounding",
    "benchmarks.analytics.bench_conformance",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000, help="spans to ingest (default: 1,000,000)")
    parser.add_argument("--only", choices=["end-to-end", "parts", "approvals"], help="run no more than this")
    options = parser.parse_args()
    print(f"machine: {machine.describe()}", flush=True)
    if options.only != "end-to-end":
        for part in APPROVALS if options.only == "approvals" else PARTS:
            sys.argv = [part]  # a part has options of its own
            runpy.run_module(part, run_name="__main__")
    if options.only in (None, "end-to-end"):
        for line in end_to_end.run(options.spans):
            print(line, flush=True)


if __name__ == "__main__":
    main()
