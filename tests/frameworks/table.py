"""docs/framework_matrix.md, from the recordings: what holds, what is not emitted, what is wrong.

`python -m frameworks.table` writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import captures
from frameworks import evidence, registry
from frameworks.environments import ROOT
from frameworks.framework import Framework, Setup

RECORDED = Path(__file__).with_name("recorded")
PAGE = ROOT / "docs" / "framework_matrix.md"
_OK, _UNKNOWN, _WRONG = "ok", "unknown", "wrong"
_INTRODUCTION = """# Framework matrix

Each framework, in an environment of its own, plays one support story against a scripted model and exports OTLP to a real
`whichstep up`; what truly happened is known from the script and from the journals of model and tools. `make frameworks`
plays it all and keeps the requests, `make test` replays them. Written by `python -m frameworks.table`.

A set-up is the instrumentation, exported through OpenTelemetry as any backend is; *instrument* is what
`pip install 'whichstep[EXTRA]'` and `whichstep.instrument()` alone give, in one good and one failed run.

A cell counts runs: **ok** as it happened; **not emitted**: whichstep says unknown, and a search of the requests shows that
they do not say (the evidence is below); **missed**: unknown although it may be there; **wrong**: something else. *all*: ok
in every run.
"""


@dataclass(frozen=True)
class Row:
    """One set-up and the verdicts on its runs: variant → fact → (class, words)."""

    framework: Framework
    setup: Setup
    packages: dict[str, str]
    verdicts: dict[str, dict[str, tuple[str, str]]]

    @property
    def title(self) -> str:
        return f"{self.framework.name}, {self.setup.instrumentation}"


def recordings(module: str, setup: Setup) -> list[Path]:
    """The archives of a set-up, sorted by variant."""
    return sorted((RECORDED / f"{module}__{setup.instrumentation}").glob("*.tar.xz"))


def rows(*modules: str) -> Iterator[Row]:
    """What the recordings say now, in the order of the registry; of all frameworks or of these."""
    for module in modules or registry.REGISTERED:
        framework = registry.framework(module)
        for setup in framework.setups:
            if recordings(module, setup):
                yield row(module, setup)


def row(module: str, setup: Setup) -> Row:
    """What the recordings of one set-up say now."""
    kept = recordings(module, setup)
    verdicts = {path.name.removesuffix(".tar.xz"): verdicts_on(path, setup) for path in kept}
    return Row(registry.framework(module), setup, captures.meta(kept[0])["packages"], verdicts)


def verdicts_on(recording: Path, setup: Setup) -> dict[str, tuple[str, str]]:
    """Fact → (ok, not emitted, missed or wrong; in which words)."""
    return {fact: _classed(fact, said, recording, setup) for fact, said in captures.judge(recording).items()}


def _classed(fact: str, said: str, recording: Path, setup: Setup) -> tuple[str, str]:
    """A declared reason stands for a wrong reading as well: what is lost whole leaves too few steps, not none."""
    kind, _, words = said.partition(": ")
    if kind == _OK:
        return kind, words
    reason = evidence.declared(fact, recording.name, setup.not_emitted)
    if reason is None and kind == _UNKNOWN:
        reason = evidence.searched(fact, recording)
    return (evidence.ABSENT, reason) if reason else (evidence.MISSED if kind == _UNKNOWN else kind, words)


def page() -> str:
    """The whole page."""
    found = list(rows())
    facts = " | ".join(captures.FACTS)
    lines = [_INTRODUCTION, f"| set-up | versions | runs | {facts} |", "|---|---|---|" + "---|" * len(captures.FACTS)]
    lines += [line(row) for row in found]
    lines += ["", "## What is not emitted", "", *_listed(found, evidence.ABSENT)]
    lines += ["", "## What is missed", "", *_listed(found, evidence.MISSED)]
    lines += ["", "## What is wrong", "", *_listed(found, _WRONG)]
    lines += ["", "## What a framework has not", ""]
    lines += [f"- {name}: {why} ({', '.join(variants)})" for name, why, variants in _missing(found)]
    return "\n".join(lines) + "\n"


def line(row: Row) -> str:
    """A set-up's line of the table."""
    versions = ", ".join(f"{name} {version}" for name, version in row.packages.items())
    cells = " | ".join(_cell(row, fact) for fact in captures.FACTS)
    return f"| {row.title} | {versions} | {len(row.verdicts)} | {cells} |"


def _cell(row: Row, fact: str) -> str:
    counts = Counter(verdicts[fact][0] for verdicts in row.verdicts.values())
    if counts[_OK] == len(row.verdicts):
        return "all"
    return ", ".join(
        f"{counts[kind]} {kind}" for kind in (_OK, evidence.ABSENT, evidence.MISSED, _WRONG) if counts[kind]
    )


def details(row: Row) -> list[str]:
    """The lines on what is not ok in a set-up."""
    return [text for kind in (evidence.ABSENT, evidence.MISSED, _WRONG) for text in _of_kind(row, kind)]


def _listed(found: list[Row], kind: str) -> list[str]:
    lines = [text for row in found for text in _of_kind(row, kind)]
    if kind == evidence.ABSENT:
        lines.insert(0, "- All: outcome: no framework states whether the task was done; only a failed run says so")
    return lines or ["Nothing."]


def _of_kind(row: Row, kind: str) -> list[str]:
    """A line for each fact and wording, with the variants that it holds for."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for variant, verdicts in row.verdicts.items():
        for fact, (found_kind, words) in verdicts.items():
            if found_kind == kind and (fact != "outcome" or kind == _WRONG):
                grouped.setdefault((fact, words), []).append(variant.split("_")[0])
    return [
        f"- {row.title}: {fact}" + (f": {words.replace('|', '¦')}" if words else "") + f" ({', '.join(variants)})"
        for (fact, words), variants in grouped.items()
    ]


def _missing(found: list[Row]) -> Iterator[tuple[str, str, list[str]]]:
    """Framework, reason, variants."""
    for framework in {row.framework.name: row.framework for row in found}.values():
        for why in dict.fromkeys(framework.without.values()):
            yield framework.name, why, [name.split("_")[0] for name, said in framework.without.items() if said == why]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
