"""What does the live check of a contract cost a step? Limit: 20 us.

The same tool steps inside and outside of `workflow.run()`, recording switched off so that only the check differs, in
turn in one process; thread CPU, median over the rounds. The contract has 20 steps, 10 rules and budgets.

    python -m benchmarks.sdk.bench_workflow [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time

import whichstep
from whichstep import Workflow
from whichstep.testing import capture

STEPS = 2_000
LIMIT_US = 20.0


def main() -> None:
    rounds = int(sys.argv[1]) if sys.argv[1:] else 9
    workflow = Workflow.from_dict(_contract())
    plain, held = [], []
    with capture(disabled=True):
        for _ in range(rounds):
            plain.append(_per_step())
            with workflow.run():
                held.append(_per_step())
    added = statistics.median(held) - statistics.median(plain)
    print(
        f"live check  {added:.1f} us/step ({statistics.median(plain):.1f} without a run, {statistics.median(held):.1f} in one); limit {LIMIT_US:.0f}"
    )


def _per_step() -> float:
    began = time.thread_time()
    for _ in range(STEPS):
        with whichstep.tool("lookup_order"):
            pass
    return (time.thread_time() - began) / STEPS * 1e6


def _contract() -> dict[str, object]:
    steps = {f"step_{number}": {} for number in range(20)}
    rules = [{"rule": "precedence", "first": "lookup_*", "then": f"step_{number}"} for number in range(5)]
    rules += [{"rule": "response", "first": f"step_{number}", "then": "step_19"} for number in range(5)]
    budgets = {"steps": 10**9, "loops": 10**9, "tokens": 10**9, "seconds": 10**6}
    return {"name": "bench", "level": 3, "steps": steps, "tools": ["lookup_*"], "rules": rules, "budgets": budgets}


if __name__ == "__main__":
    main()
