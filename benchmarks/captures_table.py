"""How much of the truth do the jobs find in recorded requests of real frameworks? Prints framework by fact.

Usage: python benchmarks/captures_table.py [--wrong] [name part …]; `--wrong` lists every fact that is wrong.
A cell reads ok/unknown/wrong over the variants of the set-up.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

for part in ("analytics", "collector", "store", "sdk", "tests"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / part))

import captures  # noqa: E402


def main(arguments: list[str]) -> None:
    parts = [argument for argument in arguments if not argument.startswith("-")]
    tally: dict[str, Counter[tuple[str, str]]] = {}
    wrong: list[str] = []
    for capture in captures.all_captures():
        if parts and not any(part in str(capture) for part in parts):
            continue
        setup = tally.setdefault(capture.parent.name, Counter())
        for fact, verdict in captures.judge(capture).items():
            setup[fact, verdict.split(":")[0]] += 1
            if verdict.startswith("wrong"):
                wrong.append(f"{capture.parent.name}/{capture.name}: {fact} {verdict}")
    print(f"{'set-up (ok/unknown/wrong)':<36}" + "".join(f"{fact:>14}" for fact in captures.FACTS))
    for name, counts in tally.items():
        cells = (
            "/".join(str(counts[fact, verdict]) for verdict in ("ok", "unknown", "wrong")) for fact in captures.FACTS
        )
        print(f"{name:<36}" + "".join(f"{cell:>14}" for cell in cells))
    if "--wrong" in arguments:
        print("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
