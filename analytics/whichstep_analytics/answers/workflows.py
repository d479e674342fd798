"""Workflows: conformance to their contracts, what they do, whether they earned the next level, as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import orjson
import polars as pl

from whichstep.contract import Contract, parse, to_toml
from whichstep.contract.draw import as_mermaid
from whichstep.errors import ConfigurationError
from whichstep_analytics.answers import workflow_parts
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.conformance import autonomy, check, learn, readiness, sequences
from whichstep_analytics.conformance.check import Checked
from whichstep_analytics.conformance.precision import precision
from whichstep_store.filters import NANOSECONDS, FilterError, Filters
from whichstep_store.reader import Reader

EXAMINED_MAX: Final = 20_000
"""Executions whose steps are read for one answer: the latest; `examined` and `executions` say how many of how many."""
LISTED_MAX: Final = 5_000
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
        "conformance": workflow_parts.share(executions["conformant"]),
        "fitness": executions["fitness"].mean(),
        "precision": None if held is None else _precision(held),
        "unchecked_outputs": executions["unchecked_outputs"].sum(),
        "observed": asdict(autonomy.observed(recorded)),
        "deviations": workflow_parts.deviations(executions),
        "variants": workflow_parts.variants(did, executions),
        "graph": workflow_parts.graph(did, executions, contract),
        "weeks": workflow_parts.weeks(did, executions),
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
        "conformance": workflow_parts.share(judged["conformant"]),
        "fitness": judged["fitness"].mean(),
        "precision": _precision(held),
        "unchecked_outputs": judged["unchecked_outputs"].sum(),
        "deviations": workflow_parts.deviations(judged),
        "deviating": workflow_parts.deviating(judged),
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
        "conformance": workflow_parts.share(held["conformant"]),
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


def _precision(held: Checked) -> float | None:
    counts = held.traces.group_by("key", "complete").agg(pl.len().alias("n"), pl.col("shape").first())
    seen = held.events.seen
    runs = (
        (held.judged[key, complete].moves, [seen[shape].token for shape in shapes], count)
        for key, complete, count, shapes in counts.iter_rows()
    )
    return precision(held.machine, runs)


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
