"""What does locating the failing step cost? CPU per execution of 30 steps, for three outcomes of all executions.

`failed`: somebody judged every one a failure, so that all rules and the scorer are asked; `unknown`: no outcome, so that
only rules that may be sure are; `error`: a tool stopped every run. Each step carries texts of 1 KiB. Usage:
python -m benchmarks.analytics.bench_locate [executions]. The promise: at most 1 ms an execution of 30 steps.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for part in ("analytics", "collector", "store", "sdk", "tests", "tests/analytics"):
    sys.path.append(str(ROOT / part))

import polars as pl  # noqa: E402
from frames import agent, call, failed, frame, tool  # noqa: E402

from whichstep_analytics.failure.locate import locate  # noqa: E402
from whichstep_analytics.job import recompute  # noqa: E402
from whichstep_analytics.jobs.frames import empty  # noqa: E402
from whichstep_analytics.prices import default_prices  # noqa: E402
from whichstep_store.results import EVALUATION_FIELDS, NEIGHBOUR_FIELDS  # noqa: E402

STEPS = 30
WORDS = (
    "order",
    "price",
    "customer",
    "refund",
    "found",
    "please",
    "check",
    "total",
    "2031",
    "17.50",
    "Amsterdam",
    "list",
)


def text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=170))[:1000]


def execution(number: int, chance: random.Random, outcome: str) -> list[dict[str, Any]]:
    first, trace = number * 1000 + 1, {"trace_id": number}
    rows = [agent(first, at=0, outcome_success=False if outcome == "failed" else None, input=text(chance), **trace)]
    for index in range(1, STEPS):
        place = {"at": index / 10, "took": 0.05, **trace}
        if index % 2:
            rows.append(call(first + index, first, asks="lookup", input=text(chance), output=text(chance), **place))
        else:
            digest = f"{number * 1000 + index:032x}"
            rows.append(tool(first + index, first, arguments=digest, result=text(chance), **place))
    return [*rows[:-1], failed(rows[-1])] if outcome == "error" else rows


def results(executions: int, outcome: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    chance = random.Random(1)
    rows = [row for number in range(1, executions + 1) for row in execution(number, chance, outcome)]
    neighbours, evaluations = empty(NEIGHBOUR_FIELDS), empty(EVALUATION_FIELDS)
    found = recompute(frame(*rows), evaluations, neighbours, prices=default_prices(), as_of=2 * 10**18)
    return found.steps, found.executions.select("execution_id", "status", "success", "success_source")


def main() -> None:
    executions = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for outcome in ("failed", "unknown", "error"):
        steps, outcomes = results(executions, outcome)
        named = locate(steps, outcomes)["failing_step_id"].drop_nulls().len()
        cpu = []
        for _ in range(7):
            before = time.process_time()
            locate(steps, outcomes)
            cpu.append((time.process_time() - before) * 1e3 / executions)
        print(
            f"locate {executions} x {STEPS}, {outcome:<8} {statistics.median(cpu):6.3f} ms CPU an execution"
            f" (min {min(cpu):.3f}), {named} of {executions} named"
        )


if __name__ == "__main__":
    main()
