"""What does one check of a policy cost: of 10 rules and of 1,000, decided by a name, by a pattern, by conditions?

Limit: 100 us a check with 1,000 rules. CPU of one thread, median of the rounds; the ratio to an empty call of Python
in the same run says how busy the machine was.

    python -m benchmarks.sdk.bench_policy [checks]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from whichstep.policy import Policy

ROUNDS = 7
LIMIT_US = 100.0


def main() -> None:
    checks = int(sys.argv[1]) if sys.argv[1:] else 20_000
    nothing = _cost(lambda: None, checks)
    print(f"an empty call                              {nothing:7.3f} us")
    refund = {"amount": 50, "currency": "EUR"}
    for rules in (10, 1000):
        policy = _policy(rules)
        last = rules // 3 - 1
        for name, call in (
            ("a whole name", lambda p=policy, n=last: p.check(f"exact_{n}", refund)),
            ("a pattern", lambda p=policy, n=last: p.check(f"pattern_{n}_x", refund)),
            ("conditions", lambda p=policy: p.check("conditional_0", refund)),
            ("every condition of one action", lambda p=policy: p.check("tried", refund)),
            ("no rule", lambda p=policy: p.check("other", refund)),
        ):
            cost = _cost(call, checks // 10 if "every" in name else checks)
            print(f"{rules:5} rules, {name:31} {cost:7.3f} us  {cost / nothing:6.0f} x")
        began = time.thread_time()
        _policy(rules)
        print(f"{rules:5} rules, loaded and checked for order     {(time.thread_time() - began) * 1e3:7.1f} ms")
    policy = _policy(1000)
    names = iter(range(10**9))
    first = _cost(lambda: policy.check(f"pattern_332_{next(names)}", None), checks // 10)
    print(f" 1000 rules, a name met for the first time  {first:7.3f} us; limit {LIMIT_US:.0f}")


def _policy(rules: int) -> Policy:
    """A third each: whole names, patterns, conditions; and a last action that a tenth of the rules are about."""
    third, tenth = rules // 3, rules // 10
    conditional = [
        {"action": f"conditional_{n}", "when": ["amount > 100", "currency == 'EUR'"], "risk_level": "approve"}
        for n in range(third - tenth)
    ]
    tried = [
        {"action": "tried", "when": f"amount > {1000 - n}", "risk_level": "approve", "quorum": n + 1}
        for n in range(min(tenth, 100))
    ]
    short = {f"exact_{n}": "auto" for n in range(third)} | {f"pattern_{n}_*": "auto" for n in range(third)}
    return Policy.from_dict({"default": "auto", "rule": [*conditional, *tried], "actions": short})


def _cost(call: Callable[[], object], times: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(times):
            call()
        rounds.append((time.thread_time() - began) / times * 1e6)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
