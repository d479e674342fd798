"""The parts of a workflow's document: deviations, variants, graph, weeks."""

from __future__ import annotations

from typing import Any, Final

import orjson
import polars as pl

from whichstep.contract import Contract
from whichstep.contract.machine import Machine
from whichstep_analytics.answers.documents import Document, documents
from whichstep_analytics.conformance import flow, sequences
from whichstep_analytics.intervals import wilson

EXAMPLES_MAX: Final = 5
VARIANTS_MAX: Final = 30


def share(conformant: pl.Series) -> Document:
    """How many are true of those that are known, with the 95 % interval."""
    known = conformant.drop_nulls()
    good = int(known.sum())
    interval = wilson(good, len(known)) if len(known) else None
    return {
        "value": good / len(known) if len(known) else None,
        "numerator": good,
        "denominator": len(known),
        "n": len(conformant),
        "lower": interval.lower if interval else None,
        "upper": interval.upper if interval else None,
    }


def deviations(executions: pl.DataFrame) -> list[Document]:
    """What breaks the contract, by rule and step, most frequent first."""
    found: dict[tuple[str, str | None, str], dict[str, Any]] = {}
    broken = executions.filter(pl.col("deviation_count") > 0).select("execution_id", "deviations")
    for execution_id, text in broken.iter_rows():
        for deviation in orjson.loads(text):
            key = deviation["move"], deviation["step"], deviation["rule"]
            group = found.setdefault(key, {"reason": deviation["reason"], "ids": {}, "count": 0})
            group["ids"][execution_id] = None
            group["count"] += 1
    rows = [
        {
            "move": move,
            "step": step,
            "rule": rule,
            "reason": group["reason"],
            "count": group["count"],
            "executions": len(group["ids"]),
            "examples": list(group["ids"])[:EXAMPLES_MAX],
        }
        for (move, step, rule), group in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["executions"], row["rule"], row["step"] or ""))


def deviating(executions: pl.DataFrame) -> list[Document]:
    """The latest executions that break the contract, with what."""
    rows = executions.filter(pl.col("deviation_count") > 0).head(100)
    return documents(rows.select("execution_id", "started_at", "fitness", "deviations"), parsed=("deviations",))


def variants(did: pl.DataFrame, executions: pl.DataFrame) -> list[Document]:
    """The sequences of activities, most frequent first, with how many failed and how many break the contract."""
    outcomes = executions.select("execution_id", "success", "conformant")
    grouped = (
        sequences.variants(did)
        .with_columns(pl.col("labels").list.join(" → ").alias("path"))
        .join(outcomes, on="execution_id", maintain_order="left")
        .group_by("path", maintain_order=True)
        .agg(
            pl.col("labels").first().alias("steps"),
            pl.len().alias("count"),
            (pl.col("success") == False).fill_null(value=False).sum().alias("failed"),  # noqa: E712
            pl.when(pl.col("conformant").is_not_null().any())
            .then((pl.col("conformant") == False).sum())  # noqa: E712
            .alias("deviating"),
            pl.col("execution_id").head(EXAMPLES_MAX).alias("examples"),
        )
        .with_columns((pl.col("count") / pl.col("count").sum()).alias("share"))
        .sort("count", "path", descending=[True, False])
    )
    return documents(grouped.head(VARIANTS_MAX).drop("path"))


def graph(did: pl.DataFrame, executions: pl.DataFrame, contract: Contract | None) -> Document:
    """The directly-follows graph; `allowed`: whether the contract allows a pair, null where it says nothing."""
    machine = Machine(contract) if contract is not None else None
    edges = documents(flow.edges(did, executions))
    for edge in edges:
        edge["failure_share"] = edge["failed"] / edge["executions"]
        edge["allowed"] = None if machine is None else _allowed(machine, edge["from"], edge["to"])
    nodes = documents(flow.nodes(did, executions))
    for node in nodes:
        node["failure_share"] = node["failed"] / node["executions"]
    return {"nodes": nodes, "edges": edges}


def _allowed(machine: Machine, source: str, target: str) -> bool | None:
    """Whether a contract allows a pair of neighbours; None where one of them is no declared step."""
    known = set(machine.names)
    if source != flow.START and source not in known:
        return None
    state = None if source == flow.START else source
    if target == flow.END:
        return machine.may_end(state)
    return machine.follows(state, target) if target in known else None


def weeks(did: pl.DataFrame, executions: pl.DataFrame) -> list[Document]:
    """Conformance week by week, and how far what was done moved from the week before."""
    dated = executions.with_columns(pl.col("started_at").dt.strftime("%G-W%V").alias("week"))
    by_week = did.join(dated.select("execution_id", "week"), on="execution_id", maintain_order="left")
    rows: list[Document] = []
    before: pl.DataFrame | None = None
    for (week,), part in dated.sort("week").group_by("week", maintain_order=True):
        now = flow.distribution(by_week.filter(pl.col("week") == week))
        distance = None if before is None else flow.distance(before, now)
        rows.append({"week": week, **share(part["conformant"]), "distance": distance})
        before = now
    return rows
