"""Keeps conformance_rows up to date: executions that were recomputed at once, all others in slices when nothing waits.

Which contract: the one that the execution carried, else the configured one of its workflow, task type or agent. At the
start every execution is looked at once, so a contract that was added, changed or taken away is applied to what is
stored. A contract that cannot be read is said once and holds nobody. Not thread-safe: one thread ticks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa

from whichstep.contract import Contract, parse
from whichstep.errors import ConfigurationError
from whichstep_analytics.conformance import check
from whichstep_analytics.conformance.outputs import NO_OUTPUTS
from whichstep_analytics.jobs.frames import empty, from_arrow, to_arrow
from whichstep_store.results import CONFORMANCE_FIELDS, CONTRACT_FIELDS, REPLACED_FIELDS
from whichstep_store.store import Store

CONFORMANCE_VERSION: Final = 1
"""Raised with every change of what is found; older rows are computed again in slices."""
_SLICE_MAX: Final = 500
_TOUCHED_MAX: Final = 20_000
"""Executions whose ids are kept; past it all are looked at."""
_SLACK_NS: Final = 3_600 * 10**9
log = logging.getLogger("whichstep.contracts")


class ConformanceRunner:
    """Holds stored executions to the contracts of their workflows."""

    def __init__(self, store: Store, contracts: Mapping[str, Contract]) -> None:
        """`contracts`: the configured ones, by name."""
        self._store = store
        self._configured = dict(contracts)
        self._known = {contract.digest: contract for contract in contracts.values()}
        self._unreadable: set[str] = set()
        self._touched: set[str] = set()
        self._all_due = True

    @property
    def is_due(self) -> bool:
        """Whether there may be executions to look at."""
        return self._all_due or bool(self._touched)

    def touch(self, executions: pa.Table) -> None:
        """Notes executions that were recomputed (results.EXECUTION_FIELDS)."""
        self._touched.update(str(found) for found in executions["execution_id"].to_pylist())
        if len(self._touched) > _TOUCHED_MAX:
            self._touched.clear()
            self._all_due = True

    def tick(self, *, now: int) -> bool:
        """Judges one slice of those that were touched; whether there was anything to judge. `now`: nanoseconds."""
        if not self._touched:
            return False
        ids = sorted(self._touched)[:_SLICE_MAX]
        self._touched.difference_update(ids)
        return self._judge(ids, now)

    def refresh(self, *, now: int) -> bool:
        """Judges one slice of all executions; whether there was anything to judge."""
        if not self._all_due:
            return False
        self._all_due = self._judge(None, now)
        return self._all_due

    def drain(self, *, now: int) -> None:
        """Judges everything that is due."""
        while self._touched:
            self.tick(now=now)
        while self.refresh(now=now):
            pass

    def _judge(self, execution_ids: Sequence[str] | None, now: int) -> bool:
        due = self._due(execution_ids)
        if due.is_empty():
            return False
        contracts = self._contracts(due["digest"].drop_nulls().unique().to_list())
        held = due.filter(pl.col("digest").is_in(list(contracts)))
        rows = [self._conformance(part, contracts[digest]) for (digest,), part in held.group_by("digest")]
        decided = due.filter(pl.col("digest").is_null() | pl.col("digest").is_in(list(contracts)))
        self._store.writer.replace_conformance(
            to_arrow(decided, REPLACED_FIELDS),
            to_arrow(pl.concat([empty(CONFORMANCE_FIELDS), *rows]), CONFORMANCE_FIELDS),
            to_arrow(_contract_rows(contracts, now), CONTRACT_FIELDS),
        )
        return True

    def _due(self, execution_ids: Sequence[str] | None) -> pl.DataFrame:
        parameters = {
            "execution_ids": None if execution_ids is None else list(execution_ids),
            "workflows": list(self._configured),
            "digests": [contract.digest for contract in self._configured.values()],
            "unreadable": sorted(self._unreadable),
            "conformance_version": CONFORMANCE_VERSION,
            "limit": _SLICE_MAX,
        }
        return from_arrow(self._store.reader.query("conformance_due", parameters))

    def _contracts(self, digests: Sequence[str]) -> dict[str, Contract]:
        """The contracts of these digests; those that cannot be read are noted and left out."""
        missing = [digest for digest in digests if digest not in self._known]
        texts = self._store.reader.query("contract_texts", {"digests": missing}).to_pylist() if missing else []
        for row in texts:
            try:
                self._known[row["digest"]] = parse(_mapping(row["contract"]), file=f"contract {row['digest'][:8]}")
            except ConfigurationError as error:
                log.warning("an execution carries a contract that cannot be read: %s", error)
        self._unreadable.update(digest for digest in missing if digest not in self._known)
        return {digest: self._known[digest] for digest in digests if digest in self._known}

    def _conformance(self, due: pl.DataFrame, contract: Contract) -> pl.DataFrame:
        """CONFORMANCE_FIELDS of executions that are held to one contract."""
        steps = self._steps(due)
        rows = check(steps, due, contract).rows
        unchecked = rows.filter(pl.col("unchecked_outputs") > 0)["execution_id"]
        if len(unchecked):
            again = pl.col("execution_id").is_in(unchecked.implode())
            texts = self._texts(unchecked.to_list())
            mended = check(steps.filter(again), due.filter(again), contract, texts=texts).rows
            rows = pl.concat([rows.filter(~again), mended])
        return _as_stored(rows, due, contract)

    def _steps(self, due: pl.DataFrame) -> pl.DataFrame:
        since = due["started_at"].cast(pl.Datetime("ns")).cast(pl.Int64).min()
        assert isinstance(since, int)  # noqa: S101  there is one execution at least
        ids = due["execution_id"].to_list()
        return from_arrow(
            self._store.reader.query("conformance_steps", {"execution_ids": ids, "since": since - _SLACK_NS})
        )

    def _texts(self, execution_ids: Sequence[str]) -> pl.DataFrame:
        """What steps gave, whole: execution_id, step_id, text."""
        found = from_arrow(self._store.reader.step_content(execution_ids))
        if found.is_empty():
            return NO_OUTPUTS
        chosen = found.filter(pl.col("field").is_in(("output", "result"))).sort("field", descending=True)
        return chosen.unique(["execution_id", "step_id"], keep="first").select(
            "execution_id", pl.col("step_id").str.to_integer(base=16, dtype=pl.UInt64), "text"
        )


def _as_stored(rows: pl.DataFrame, due: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    stored = rows.join(due.select("execution_id", "started_at", "source", "digest"), on="execution_id").with_columns(
        pl.lit(contract.name).alias("workflow"),
        pl.lit(contract.level).alias("level"),
        pl.col("digest").alias("contract_digest"),
        pl.lit(CONFORMANCE_VERSION).alias("conformance_version"),
    )
    return from_arrow(to_arrow(stored, CONFORMANCE_FIELDS))


def _contract_rows(contracts: Mapping[str, Contract], now: int) -> pl.DataFrame:
    rows = [
        (digest, contract.name, contract.level, orjson.dumps(contract.to_dict()).decode(), now)
        for digest, contract in contracts.items()
    ]
    names = [name for name, _, _ in CONTRACT_FIELDS]
    kinds = dict.fromkeys(names, pl.String) | {"level": pl.Int64, "first_seen_at": pl.Int64}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return frame.with_columns(pl.col("first_seen_at").cast(pl.Datetime("ns")))


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"the contract is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError("the contract is no JSON object")
    return found
