"""What changed between two releases or configurations, beside what moved, as a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final, NamedTuple

from whichstep_analytics import configurations
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.answers.figures import compared_with, sides
from whichstep_store.filters import FilterError, Filters
from whichstep_store.reader import Reader

CONFIGURATIONS_MAX: Final = 5
"""Of a side that ran several, those that most executions ran are read."""
CANDIDATES_MAX: Final = 10
_PREFIX: Final = re.compile(r"[0-9a-f]{6,32}")


class _Side(NamedTuple):
    name: str
    kind: str
    filters: Filters
    ran: Sequence[Document]
    """Rows of the query `compare_sides`, one a configuration."""
    most: tuple[str | None, int]
    """The agent that ran most configurations, and how many."""

    def document(self) -> Document:
        known = [{key: row[key] for key in ("configuration_id", "executions")} for row in self.ran]
        executions = sum(row["executions"] for row in self.ran)
        return {"name": self.name, "kind": self.kind, "executions": executions, "configurations": known}


def compare_document(reader: Reader, filters: Filters, *, before: str, after: str, now: int) -> Document:
    """`changes` of what ran, from `before` to `after`, and the `metrics` of `after` with those of `before`.

    Either is a release, or a configuration by its id or the first digits of it.
    """
    wide = replace(filters, release=(), configuration=())
    rows = documents(frame(reader.query("compare_sides", wide.parameters())))
    old, new = (_side(name, rows, wide) for name in (before, after))
    found = configurations.changes(_ran(reader, old), _ran(reader, new))
    return {
        "before": old.document(),
        "after": new.document(),
        "changes": [asdict(change) for change in found],
        "metrics": _moved(reader, old.filters, new.filters, now=now),
        "warnings": [*_warnings(old), *_warnings(new), *_silence(old, new, found)],
    }


def _side(name: str, rows: Sequence[Document], filters: Filters) -> _Side:
    of_release = [row for row in rows if row["release"] == name]
    if of_release:
        return _Side(name, "release", replace(filters, release=(name,)), _merged(of_release), _most(of_release))
    ids = sorted({row["configuration_id"] for row in rows if row["configuration_id"]})
    found = [one for one in ids if one.startswith(name.lower())] if _PREFIX.fullmatch(name.lower()) else []
    if len(found) > 1:
        raise FilterError(
            f"{name!r} means several configurations: {', '.join(found[:CANDIDATES_MAX])}; give all digits"
        )
    if not found:
        releases = sorted({row["release"] for row in rows if row["release"]})
        known = ", ".join(releases[-CANDIDATES_MAX:]) or "none"
        raise FilterError(f"{name!r} is no release or configuration of the executions that match; releases are {known}")
    of_id = [row for row in rows if row["configuration_id"] == found[0]]
    return _Side(found[0], "configuration", replace(filters, configuration=(found[0],)), _merged(of_id), (None, 1))


def _merged(rows: Sequence[Document]) -> list[Document]:
    """One row a configuration, most executions first."""
    merged: dict[str | None, Document] = {}
    for row in rows:
        known = merged.setdefault(row["configuration_id"], {**row, "executions": 0})
        known["executions"] += row["executions"]
    return sorted(merged.values(), key=lambda row: (-row["executions"], str(row["configuration_id"])))


def _most(rows: Sequence[Document]) -> tuple[str | None, int]:
    """The agent that ran most configurations, and how many."""
    counts = Counter(row["agent"] for row in rows if row["configuration_id"])
    return max(counts.items(), key=lambda item: (item[1], str(item[0])), default=(None, 0))


def _ran(reader: Reader, side: _Side) -> configurations.Ran:
    examples = [row["latest_execution_id"] for row in side.ran if row["configuration_id"]][:CONFIGURATIONS_MAX]
    texts = reader.configuration_texts(examples).to_pylist()
    rules = reader.query("compare_rules", side.filters.parameters()).to_pylist()
    return configurations.read(
        [(row["agent"], row["text"]) for row in texts], [(row["part"], row["digest"]) for row in rules]
    )


def _moved(reader: Reader, before: Filters, after: Filters, *, now: int) -> dict[str, Any]:
    old, new = sides(reader, [before, after], (), as_of=now)
    return {
        metric: {**figure, **compared_with(new, old, (), metric)} for metric, figure in new.figures.get((), {}).items()
    }


def _warnings(side: _Side) -> list[str]:
    said = []
    agent, count = side.most
    if count > 1:
        said.append(f"release {side.name} ran {count} configurations of {agent or 'one agent'}: its figures mix them")
    several = sum(1 for row in side.ran if row["configuration_id"])
    if several > CONFIGURATIONS_MAX:
        said.append(f"of {side.name} the {CONFIGURATIONS_MAX} configurations that ran most are read, of {several}")
    unknown = sum(row["executions"] for row in side.ran if not row["configuration_id"])
    if unknown:
        whole = sum(row["executions"] for row in side.ran)
        said.append(f"what {unknown} of {whole} executions of {side.name} ran is not known")
    return said


def _silence(old: _Side, new: _Side, found: Sequence[configurations.Change]) -> list[str]:
    """Where the ids differ and no text does, the texts are not kept (any more)."""
    ids = [{row["configuration_id"] for row in side.ran} for side in (old, new)]
    if found or ids[0] == ids[1]:
        return []
    return ["the configurations differ, but their texts were not kept: what was received before this version has none"]
