"""What the HTTP API and the command line answer: one JSON-able document a question (ARCHITECTURE, "Answers").

Times are ISO 8601 in UTC with nine digits, ids are hex text, a figure that is not known is null with a reason. A
question that cannot be understood raises `whichstep_store.filters.FilterError`. Calls may run in several threads.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from whichstep_analytics.answers.acting import actions_document
from whichstep_analytics.answers.comparing import compare_document
from whichstep_analytics.answers.deciding import approvals_document
from whichstep_analytics.answers.doctor import Check, Probe, doctor_document
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.answers.drifting import drift_document
from whichstep_analytics.answers.executions import explain, list_executions, resolve
from whichstep_analytics.answers.failing import failures_document
from whichstep_analytics.answers.figures import metrics_document
from whichstep_analytics.answers.grounded import grounding_document
from whichstep_analytics.answers.tools import tools_document
from whichstep_analytics.answers.workflows import (
    Bars,
    check_contract,
    explain_workflow,
    learn_contract,
    list_workflows,
)
from whichstep_store.filters import Filters
from whichstep_store.store import Store

_STEP_ID: Final = re.compile(r"[0-9a-f]{16}")

__all__ = ["Answers", "Check", "Document", "Probe"]


class Answers:
    """The reading side of an open store."""

    def __init__(self, store: Store, *, clock: Callable[[], int] = time.time_ns, probes: Sequence[Probe] = ()) -> None:
        """Answers from `store`; `clock` gives nanoseconds since the epoch.

        `probes` are further checks of the doctor, by whoever knows of doors and journal.
        """
        self._store = store
        self._reader = store.reader
        self._clock = clock
        self._probes = tuple(probes)

    def executions(
        self, filters: Filters, *, limit: int = 50, cursor: str | None = None, order: str = "started_at:desc"
    ) -> Document:
        """One page of the executions that match, with the total of all pages."""
        return list_executions(self._reader, filters, limit=limit, cursor=cursor, order=order)

    def execution(self, execution_id: str) -> Document | None:
        """One execution explained; None where there is none.

        The id, its first digits where they are enough, a former id, one of its trace ids, or the id the user set.
        """
        return explain(self._reader, execution_id)

    def step(self, execution_id: str, step_id: str) -> Document | None:
        """The whole texts of one step by field; None where there is no such step."""
        found = resolve(self._reader, execution_id)
        if found is None or not _STEP_ID.fullmatch(step_id):
            return None
        if not self._reader.query("step_exists", {"execution_id": found, "step_id": step_id}).num_rows:
            return None
        texts = self._reader.step_content([found], step_id).to_pylist()
        return {"execution_id": found, "step_id": step_id, "fields": {row["field"]: row["text"] for row in texts}}

    def metrics(self, filters: Filters, *, by: Sequence[str] = ()) -> Document:
        """The eight metrics and their companions, in groups, beside the window before."""
        return metrics_document(self._reader, filters, by=by, now=self._clock())

    def failures(self, filters: Filters, *, by: str = "step") -> Document:
        """Where executions fail; `by` is step, kind or signature."""
        return failures_document(self._reader, filters, by=by)

    def drift(self, filters: Filters, *, by: Sequence[str] = ()) -> Document:
        """Success and failure by turn of the session, model calls so far and context size."""
        return drift_document(self._reader, filters, by=by)

    def actions(self, filters: Filters, *, kind: str = "blocked", limit: int = 50) -> Document:
        """Actions compared with the sidecar's policy: counts, and those that are blocked, ungated or logged."""
        return actions_document(self._reader, filters, kind=kind, limit=limit)

    def approvals(self, filters: Filters) -> Document:
        """What people decided on held actions, how fast, and what became of it."""
        return approvals_document(self._reader, self._store.ledger, filters)

    def compare(self, filters: Filters, *, before: str, after: str) -> Document:
        """What changed between two releases or configurations, and what moved."""
        return compare_document(self._reader, filters, before=before, after=after, now=self._clock())

    def grounding(self, filters: Filters, *, limit: int = 20) -> Document:
        """How many answers say what stands in no input, source or tool result, and the latest that do."""
        return grounding_document(self._reader, filters, limit=limit)

    def tools(self, filters: Filters) -> Document:
        """The tools that were called, and whether they were the right ones."""
        return tools_document(self._reader, filters, now=self._clock())

    def filters(self, filters: Filters | None = None) -> Document:
        """The values of each filter among the executions that match, most frequent first.

        Of any purpose unless one other than production is asked for: that is how a reader learns of the others.
        """
        asked = filters or Filters()
        if asked.purpose == Filters().purpose:
            asked = replace(asked, purpose=())
        facets: Document = {name: [] for name in ("release", "agent", "task_type", "service", "environment", "purpose")}
        for row in documents(frame(self._reader.query("filter_values", asked.parameters()))):
            facets[row["filter"]].append({"value": row["value"], "count": row["executions"]})
        return facets

    def workflows(self, filters: Filters) -> Document:
        """One row a workflow: declared and observed autonomy level, and how many executions keep to the contract."""
        return list_workflows(self._reader, filters)

    def workflow(
        self, filters: Filters, name: str, *, success_bar: float | None = None, conformance_bar: float | None = None
    ) -> Document | None:
        """One workflow: conformance, deviations, variants, graph, weeks, readiness; None where no execution matches."""
        bars = Bars(
            Bars().success if success_bar is None else success_bar,
            Bars().conformance if conformance_bar is None else conformance_bar,
        )
        return explain_workflow(self._reader, filters, name, bars=bars)

    def check_workflow(self, filters: Filters, contract: Mapping[str, Any]) -> Document:
        """The executions of a workflow held to a contract that is handed in."""
        return check_contract(self._reader, filters, contract)

    def learn_workflow(self, filters: Filters, name: str, *, support: float, level: int | None) -> Document:
        """A contract proposed from the good executions of a workflow."""
        return learn_contract(self._reader, filters, name, support=support, level=level)

    def doctor(self) -> Document:
        """What is wrong with the data and what to do, check by check."""
        return doctor_document(self._store, now=self._clock(), probes=self._probes)
