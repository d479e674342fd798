"""A second opinion on the failing step, by a model that the settings name. Off by default, never needed.

Texts of an execution leave the machine here and nowhere else, and only because an endpoint was set. The verdict is an
evaluation `failing_step` of source LLM beside what the rules say: label is the step's id or `none`, score the
confidence, explanation the kind and the reason. It replaces nothing. An answer that cannot be read is such an
evaluation too, with the label `malformed`. The same question to the same model is asked once; calls and dollars of a
day (UTC) are bounded by what the ledger has of them, so a restart does not refill them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import polars as pl

from whichstep_analytics.judge import prompt, verdict
from whichstep_analytics.judge.endpoint import ModelAnswer, ModelError
from whichstep_analytics.prices import Prices, default_prices
from whichstep_store.store import Store

Document = dict[str, Any]

SURE: Final = 0.6
"""Confidence of the rules from which an execution is not judged without being asked for."""
_LOOK_BACK_NS: Final = 7 * 86_400 * 10**9
_DAY_NS: Final = 86_400 * 10**9
_REST_SECONDS: Final = 60.0
_TROUBLE_SECONDS: Final = 600.0


class Model(Protocol):
    """Who answers: a `ChatModel`, or a script."""

    name: str

    def ask(self, messages: prompt.Messages) -> ModelAnswer:
        """The answer. Raises ModelError."""


class Reading(Protocol):
    """Who explains executions: `Answers`."""

    def execution(self, execution_id: str) -> Document | None:
        """One execution with its steps; None where there is none."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a day (UTC) may cost. An unknown price counts as a call only."""

    calls: int
    usd: float


class _Asked(NamedTuple):
    text: str
    cached: bool


class Judge:
    """Judges executions of one store. Any thread may call; one execution at a time is judged."""

    def __init__(
        self,
        store: Store,
        answers: Reading,
        model: Model,
        *,
        budget: Budget,
        clock: Callable[[], int] = time.time_ns,
        prices: Prices | None = None,
    ) -> None:
        """`clock` gives nanoseconds since the epoch; `prices` defaults to the table that ships with whichstep."""
        self._store, self._answers, self._model, self._budget = store, answers, model, budget
        self._clock, self._prices = clock, prices or default_prices()
        self._lock = threading.Lock()

    def judge(self, execution_id: str) -> Document | None:
        """Asks for a verdict and keeps it; None where there is no such execution.

        `status` says what came of it: `judged`, `malformed`, `budget` (spent for today), `failed` (no answer), `open`
        (it still runs), `empty` (it has no steps). `verdict` is there when judged, `detail` is a sentence.
        """
        execution = self._answers.execution(execution_id)
        if execution is None:
            return None
        with self._lock:
            status, detail, found = self._judged(execution)
        return {
            "execution_id": execution["execution_id"],
            "status": status,
            "detail": detail,
            "verdict": None if found is None else asdict(found),
            "agrees": None if found is None else found.step_id == execution["failing_step_id"],
            "rules": {name: execution[name] for name in ("failing_step_id", "failure_kind", "failure_confidence")},
            "model": self._model.name,
            **self._spent(),
        }

    def tick(self) -> float:
        """Judges failed executions of the last week whose failing step the rules are not sure of, newest first.

        Returns the seconds until it wants to run again.
        """
        now = self._clock()
        due = self._store.reader.query("judge_due", {"since": now - _LOOK_BACK_NS, "sure": SURE, "limit": 20})
        for execution_id in due.column("execution_id").to_pylist():
            judged = self.judge(execution_id)
            if judged and judged["status"] in ("budget", "failed"):
                return _TROUBLE_SECONDS
        return _REST_SECONDS

    def _judged(self, execution: Document) -> tuple[str, str, verdict.Verdict | None]:
        if execution["status"] in ("running", "waiting"):
            return "open", "it has not ended; ask again when it has", None
        if not execution["steps"]:
            return "empty", "it has no steps to judge", None
        try:
            asked = self._ask(prompt.messages(execution))
        except ModelError as error:
            return "failed", f"the judge gave no answer: {error}", None
        if asked is None:
            return "budget", f"the budget of today is spent ({self._budget.calls} calls, ${self._budget.usd:g})", None
        again = "the same question was answered before" if asked.cached else "asked now"
        try:
            found = verdict.parse(asked.text, step_ids=[step["step_id"] for step in execution["steps"]])
        except verdict.MalformedError as error:
            self._keep(execution, label=verdict.MALFORMED, score=None, explanation=str(error))
            return "malformed", f"{error}; {again}", None
        explanation = f"{found.kind}: {found.reason}" if found.kind else found.reason
        self._keep(execution, label=found.step_id or verdict.NONE, score=found.confidence, explanation=explanation)
        return "judged", again, found

    def _ask(self, messages: prompt.Messages) -> _Asked | None:
        """The answer, of the model or kept from before; None where the budget is spent."""
        digest = prompt.digest(self._model.name, messages)
        known = self._store.ledger.judge_calls.answer(digest)
        if known is not None:
            return _Asked(known, cached=True)
        spent = self._store.ledger.judge_calls.spent(since=self._midnight())
        if spent.calls >= self._budget.calls or spent.cost_usd >= self._budget.usd:
            return None
        answer: ModelAnswer | None = None
        try:
            answer = self._model.ask(messages)
        finally:
            self._write_down(digest, answer)  # a call that failed may have cost, too
        return _Asked(answer.text, cached=False)

    def _write_down(self, digest: str, answer: ModelAnswer | None) -> None:
        self._store.ledger.judge_calls.add(
            digest=digest,
            model=self._model.name,
            called_at=self._clock(),
            answer=answer and answer.text,
            input_tokens=answer and answer.input_tokens,
            output_tokens=answer and answer.output_tokens,
            cost_usd=answer and self._cost(answer),
        )

    def _keep(self, execution: Document, *, label: str, score: float | None, explanation: str) -> None:
        self._store.ledger.add_evaluation(
            execution_id=execution["execution_id"],
            name=verdict.NAME,
            source="LLM",
            label=label,
            score=score,
            explanation=explanation,
            author=f"judge {self._model.name}",
        )

    def _cost(self, answer: ModelAnswer) -> float | None:
        started_at = datetime.fromtimestamp(self._clock() / 1e9, UTC).replace(tzinfo=None)
        call = pl.DataFrame(
            {
                "provider": pl.Series([None], dtype=pl.String),
                "model": [self._model.name],
                "started_at": pl.Series([started_at], dtype=pl.Datetime("ns")),
                "input_tokens": pl.Series([answer.input_tokens], dtype=pl.Int64),
                "output_tokens": pl.Series([answer.output_tokens], dtype=pl.Int64),
                "cache_read_tokens": pl.Series([None], dtype=pl.Int64),
                "cache_write_tokens": pl.Series([None], dtype=pl.Int64),
            }
        )
        cost = self._prices.cost(call)[0]
        return None if cost is None else float(cost)

    def _spent(self) -> Document:
        spent = self._store.ledger.judge_calls.spent(since=self._midnight())
        return {
            "calls_today": spent.calls,
            "calls_per_day": self._budget.calls,
            "cost_today_usd": spent.cost_usd,
            "usd_per_day": self._budget.usd,
            "unpriced_calls_today": spent.unpriced_calls,
        }

    def _midnight(self) -> int:
        return self._clock() // _DAY_NS * _DAY_NS
