"""Workflows: conformance to their contracts, what they do, whether they earned the next level, as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import orjson
import polars as pl

from whichstep.contract import Contract, parse, to_toml
from whichstep.contract.draw import as_mermaid
from whichstep.contract.machine import Machine
from whichstep.errors import ConfigurationError
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.conformance import autonomy, check, flow, learn, readiness, sequences
from whichstep_analytics.conformance.check import Checked
from whichstep_analytics.conformance.precision import precision
from whichstep_analytics.intervals import wilson
from whichstep_store.filters import NANOSECONDS, FilterError, Filters
from whichstep_store.reader import Reader

EXAMINED_MAX: Final = 20_000
"""Executions whose steps are read for one answer: the latest; `examined` and `executions` say how many of how many."""
LISTED_MAX: Final = 5_000
EXAMPLES_MAX: Final = 5
VARIANTS_MAX: Final = 30
_SLACK: Final = 3_600 * NANOSECONDS


class Bars(NamedTuple):
    """What the lower bounds of success and of conformance have to reach."""

    success: float = readiness.SUCCESS_BAR
    conformance: float = readiness.CONFORMANCE_BAR


def list_workflows(reader: Reader, filters: Filters) -> Document:
    """One row a workflow: the level that its contract declares and the one observed, and how many keep to it."""
    executions = _executions(reader, filters, None, LISTED_MAX)
    did = sequences.variants(sequences.recorded(_steps(reader, executions)))
    rows = [
        _listed(str(name), part, did)
        for (name,), part in executions.sort("workflow").group_by("workflow", maintain_order=True)
        if name
    ]
    return {"executions": _total(executions), "examined": executions.height, "workflows": rows}


def explain_workflow(reader: Reader, filters: Filters, name: str, *, bars: Bars) -> Document | None:
    """Everything about one workflow; None where no execution of it matches."""
    executions = _executions(reader, filters, name, EXAMINED_MAX)
    if executions.is_empty():
        return None
    steps = _steps(reader, executions)
    contract = _contract(reader, executions)
    held = check(steps, executions, contract) if contract is not None else None
    did = sequences.recorded(steps) if held is None else sequences.of_contract(held.events)
    recorded = sequences.variants(sequences.recorded(steps))
    return {
        "workflow": name,
        "executions": _total(executions),
        "examined": executions.height,
        "contract": None if contract is None else {**contract.to_dict(), "digest": contract.digest},
        "mermaid": None if contract is None else as_mermaid(contract),
        "level": None if contract is None else contract.level,
        "conformance": _share(executions["conformant"]),
        "fitness": executions["fitness"].mean(),
        "precision": None if held is None else _precision(held),
        "unchecked_outputs": executions["unchecked_outputs"].sum(),
        "observed": asdict(autonomy.observed(recorded)),
        "deviations": _deviations(executions),
        "variants": _variants(did, executions),
        "graph": _graph(did, executions, contract),
        "weeks": _weeks(did, executions),
        "readiness": asdict(_readiness(executions, contract, bars)),
    }


def check_contract(reader: Reader, filters: Filters, said: Mapping[str, Any]) -> Document:
    """The executions of a workflow held to a contract that is handed in; nothing is stored."""
    contract = _parsed(said)
    executions = _executions(reader, filters, contract.name, EXAMINED_MAX)
    held = check(_steps(reader, executions, outputs=True), executions, contract)
    judged = executions.drop("conformant", "fitness", "deviations", "deviation_count", "complete", "unchecked_outputs")
    judged = judged.join(held.rows, on="execution_id", how="left")
    return {
        "workflow": contract.name,
        "digest": contract.digest,
        "executions": _total(executions),
        "examined": executions.height,
        "conformance": _share(judged["conformant"]),
        "fitness": judged["fitness"].mean(),
        "precision": _precision(held),
        "unchecked_outputs": judged["unchecked_outputs"].sum(),
        "deviations": _deviations(judged),
        "deviating": _deviating(judged),
    }


def learn_contract(reader: Reader, filters: Filters, name: str, *, support: float, level: int | None) -> Document:
    """A contract proposed from the good executions of a workflow: those known to be successful, else those that ended.

    Raises:
        FilterError: there are too few, or they cannot be said at that level.
    """
    executions = _executions(reader, filters, name, EXAMINED_MAX)
    known = executions.filter(pl.col("success") == True)  # noqa: E712
    good = known if known.height >= learn.EXECUTIONS_MIN else executions.filter(pl.col("status") == "ok")
    which = "known to be successful" if good is known else "that ended without an error: too few are known to be good"
    steps = _steps(reader, good)
    try:
        learned = learn.learn(name, steps, good, support=support, level=level)
    except (learn.NothingToLearn, ConfigurationError) as error:
        raise FilterError(f"no contract can be learned for {name!r}: {error}") from error
    kept = check(steps, good, learned.contract).rows["conformant"].sum()
    remarks = (
        f"learned from {learned.executions:,} of {_total(executions):,} executions, {which};",
        f"transitions and tools of at least {support:.0%} of them are allowed, and {kept:,} of them keep to it",
    )
    return {
        "workflow": name,
        "executions": learned.executions,
        "conformant": kept,
        "contract": learned.contract.to_dict(),
        "toml": to_toml(learned.contract, remarks=remarks),
    }


def _executions(reader: Reader, filters: Filters, name: str | None, limit: int) -> pl.DataFrame:
    parameters = {**filters.parameters(), "workflow_name": name, "limit": limit}
    return frame(reader.query("workflow_executions", parameters))


def _steps(reader: Reader, executions: pl.DataFrame, *, outputs: bool = False) -> pl.DataFrame:
    earliest = executions["started_at"].cast(pl.Datetime("ns")).cast(pl.Int64).min()
    since = earliest - _SLACK if isinstance(earliest, int) else 0
    ids = executions["execution_id"].to_list()
    steps = frame(reader.query("conformance_steps", {"execution_ids": ids, "since": since}))
    return steps if outputs else steps.drop("output", "result")


def _total(executions: pl.DataFrame) -> int:
    return int(executions["total"][0]) if executions.height else 0


def _listed(name: str, executions: pl.DataFrame, did: pl.DataFrame) -> Document:
    held = executions.filter(pl.col("contract_digest").is_not_null())
    observed = autonomy.observed(did.join(executions.select("execution_id"), on="execution_id", how="semi"))
    latest = held.head(1).to_dicts()
    return {
        "workflow": name,
        "executions": executions.height,
        "held": held.height,
        "level": latest[0]["level"] if latest else None,
        "contract_digest": latest[0]["contract_digest"] if latest else None,
        "source": latest[0]["source"] if latest else None,
        "observed": asdict(observed),
        "conformance": _share(held["conformant"]),
        "fitness": held["fitness"].mean(),
        "last_started_at": documents(executions.select("started_at").head(1))[0]["started_at"],
    }


def _contract(reader: Reader, executions: pl.DataFrame) -> Contract | None:
    """The contract that the latest of the executions were held to."""
    digests = executions["contract_digest"].drop_nulls()
    if digests.is_empty():
        return None
    rows = reader.query("contract_texts", {"digests": [digests[0]]}).to_pylist()
    return parse(orjson.loads(rows[0]["contract"])) if rows else None


def _parsed(said: Mapping[str, Any]) -> Contract:
    try:
        return parse(said)
    except ConfigurationError as error:
        raise FilterError(str(error)) from error


def _share(conformant: pl.Series) -> Document:
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


def _precision(held: Checked) -> float | None:
    counts = held.traces.group_by("key", "complete").agg(pl.len().alias("n"), pl.col("shape").first())
    seen = held.events.seen
    runs = (
        (held.judged[key, complete].moves, [seen[shape].token for shape in shapes], count)
        for key, complete, count, shapes in counts.iter_rows()
    )
    return precision(held.machine, runs)


def _deviations(executions: pl.DataFrame) -> list[Document]:
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


def _deviating(executions: pl.DataFrame) -> list[Document]:
    """The latest executions that break the contract, with what."""
    rows = executions.filter(pl.col("deviation_count") > 0).head(100)
    return documents(rows.select("execution_id", "started_at", "fitness", "deviations"), parsed=("deviations",))


def _variants(did: pl.DataFrame, executions: pl.DataFrame) -> list[Document]:
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


def _graph(did: pl.DataFrame, executions: pl.DataFrame, contract: Contract | None) -> Document:
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


def _weeks(did: pl.DataFrame, executions: pl.DataFrame) -> list[Document]:
    """Conformance week by week, and how far what was done moved from the week before."""
    dated = executions.with_columns(pl.col("started_at").dt.strftime("%G-W%V").alias("week"))
    by_week = did.join(dated.select("execution_id", "week"), on="execution_id", maintain_order="left")
    rows: list[Document] = []
    before: pl.DataFrame | None = None
    for (week,), part in dated.sort("week").group_by("week", maintain_order=True):
        now = flow.distribution(by_week.filter(pl.col("week") == week))
        distance = None if before is None else flow.distance(before, now)
        rows.append({"week": week, **_share(part["conformant"]), "distance": distance})
        before = now
    return rows


def _readiness(executions: pl.DataFrame, contract: Contract | None, bars: Bars) -> readiness.Readiness:
    """Of the executions that were held to the present contract's level."""
    level = None if contract is None else contract.level
    present = executions.filter(pl.col("level") == level) if level is not None else executions
    return readiness.readiness(
        level=level, success=_counts(present["success"]), conformance=_counts(present["conformant"]), bars=bars
    )


def _counts(values: pl.Series) -> readiness.Counts:
    known = values.drop_nulls()
    return int(known.sum()), len(known), len(values)
