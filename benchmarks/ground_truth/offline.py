"""The recorded runs through the product's own jobs in this process, without a sidecar: for fitting and cross-validation.

The same bytes that are sent to a sidecar are decoded, normalised and computed by the same functions; what the store
would give back between them is the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from benchmarks.ground_truth import location
from benchmarks.ground_truth.convert import Converted
from benchmarks.ground_truth.records import Run
from whichstep_analytics.failure import evidence, rules, scorer
from whichstep_analytics.failure.locate import locate
from whichstep_analytics.job import recompute
from whichstep_analytics.jobs import frames
from whichstep_analytics.prices import default_prices
from whichstep_collector import decode, normalise
from whichstep_store.results import NEIGHBOUR_FIELDS

_RECEIVED: Final = 1_900_000_000_000_000_000


class Frames(NamedTuple):
    """Results of runs: rows of the jobs, and what was expected."""

    steps: pl.DataFrame
    executions: pl.DataFrame
    expectations: pl.DataFrame


def computed(runs: Sequence[tuple[Run, Converted]]) -> Frames:
    """Steps and executions of the runs."""
    batches = [
        normalise.normalise_traces(
            decode.decode_traces(converted.request.SerializeToString(), json=False), received_at=_RECEIVED
        )
        for _, converted in runs
    ]
    spans = frames.batch_spans(batches)
    found = recompute(
        spans,
        frames.batch_evaluations(batches),
        frames.empty(NEIGHBOUR_FIELDS),
        prices=default_prices(),
        as_of=_RECEIVED + 60 * 10**9,
    )
    placed = spans.rename({"trace_id": "execution_id"})  # one trace each
    return Frames(found.steps, found.executions, placed.select("execution_id", "expectation").drop_nulls())


def turns(found: Frames) -> pl.DataFrame:
    """The features of every turn of executions that were judged a failure, as the scorer sees them."""
    prepared = evidence.prepare(found.steps, found.executions, found.expectations)
    return scorer.features(prepared.filter("judged"), rules.fired(prepared))


def answers(found: Frames, weights: scorer.Weights) -> dict[str, location.Answer]:
    """By execution id: what `locate` answers with these weights."""
    executions = found.executions.select("execution_id", "status", "success", "success_source")
    rows = locate(found.steps, executions, found.expectations, weights=weights)
    nothing = location.Answer(None, None, ())
    return {
        **dict.fromkeys(executions["execution_id"], nothing),
        **{row["execution_id"]: _answer(row) for row in rows.iter_rows(named=True)},
    }


def _answer(row: Mapping[str, Any]) -> location.Answer:
    failing, cause = (
        None if row[name] is None else f"{row[name]:016x}" for name in ("failing_step_id", "cause_step_id")
    )
    return location.Answer(failing, cause, json.loads(row["suspects"] or "[]"), row["failure_confidence"])
