"""What does the gate add to a tool's call that may run alone? Limit: 20 us over the bare call.

In one process, in turn: the bare function; the same recorded as a step; recorded and held by a policy of 1,000 rules,
once decided by name and once by conditions on arguments. And without recording (OTEL_SDK_DISABLED), where the gate is
all that is left. CPU of the calling thread, medians of the rounds; nothing listens where spans are sent.

    python -m benchmarks.sdk.bench_gate [calls]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import whichstep
from whichstep.approval import state
from whichstep.testing import capture

ROUNDS = 7
LIMIT_US = 20.0


def main() -> None:
    calls = int(sys.argv[1]) if sys.argv[1:] else 5000
    for disabled in (False, True):
        with capture(disabled=disabled, traces_url="http://127.0.0.1:9/v1/traces"):
            _compare(calls, recording=not disabled)


def _compare(calls: int, *, recording: bool) -> None:
    state.forget_policy()
    bare, ungated = _cost(issue_refund, calls), _cost(whichstep.tool("issue_refund")(issue_refund), calls)
    short = {f"action_{n}": "block" for n in range(999)}
    conditional = {
        "rule": [{"action": "issue_refund", "when": "amount > 100", "risk_level": "block"}],
        "actions": short,
    }
    for how, policy in (
        ("a name", {**short, "issue_refund": "auto"}),
        ("a condition", {**conditional, "default": "auto"}),
    ):
        state.use_policy(policy)
        held = _cost(whichstep.tool("issue_refund")(issue_refund), calls)
        state.forget_policy()
        base = ungated if recording else bare
        said = "recorded" if recording else "not recorded"
        print(
            f"{said:12} bare {bare:6.2f} us, ungated {ungated:6.2f} us, auto by {how:11} {held:6.2f} us: "
            f"the gate adds {held - base:+6.2f} us over the {'recorded' if recording else 'bare'} call; limit {LIMIT_US:.0f}"
        )


def issue_refund(order_id: str, amount: float, reason: str = "damaged") -> str:  # noqa: ARG001  recorded, not used
    return order_id


def _cost(function: Callable[..., object], calls: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(calls):
            function("A-17", amount=50)
        rounds.append((time.thread_time() - began) / calls * 1e6)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
