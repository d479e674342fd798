"""The figures of one file of runs, by name: metrics from the product's answers, location from its executions."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from statistics import fmean
from typing import Any

from benchmarks.ground_truth import location
from benchmarks.ground_truth.asking import Asking
from benchmarks.ground_truth.convert import Converted
from benchmarks.ground_truth.records import Run

Judged = Sequence[tuple[Run, Converted]]
METRICS = (
    "task_success_rate", "first_pass_success", "tool_selection_accuracy", "tool_error_rate", "human_escalation_rate",
    "escalation_precision", "escalation_recall", "policy_violation_rate", "error_rate", "tool_recall_name",
    "tool_precision_name", "tool_recall_arguments", "tool_precision_arguments",
)  # fmt: skip
K = (1, 2, 3, 4)


def of_file(asking: Asking, stem: str, runs: Judged) -> dict[str, Any]:
    """Every figure that is known for the file; null where the product says that it is unknown."""
    metrics = asking.metrics(stem)[0]["metrics"]
    found: dict[str, Any] = {"n": len(runs)}
    for name in METRICS:
        if (figure := metrics.get(name)) is not None:
            found[name] = figure["value"]
            found[f"{name}_counts"] = [figure["numerator"], figure["denominator"]]
    found |= {"latency_p95_ms": metrics["latency_p95"]["value"], **_tokens(asking, stem), **_pass_hat(asking, stem)}
    return found | _location(asking, stem, runs)


def _tokens(asking: Asking, stem: str) -> dict[str, Any]:
    select = f"select sum(input_tokens), sum(output_tokens) from executions where task_type = '{stem}'"
    given, made = asking.rows(select)[0]
    return {"input_tokens": given, "output_tokens": made}


def _pass_hat(asking: Asking, stem: str) -> dict[str, Any]:
    """Mean over tasks of C(successes, k) / C(runs, k), where every task was run k times or more (tau-bench)."""
    tasks = asking.rows(
        "select count(*), count(*) filter (where success) from executions "
        f"where task_type = '{stem}' group by task_id having count(*) = count(success)"
    )
    return {
        f"pass_hat_{k}": fmean(comb(won, k) / comb(n, k) for n, won in tasks)
        for k in K
        if tasks and all(n >= k for n, _ in tasks)
    }


def _location(asking: Asking, stem: str, runs: Judged) -> dict[str, Any]:
    """How often the step that was to blame is named, for files that say which it was."""
    labelled = [(run, converted) for run, converted in runs if "failing_step" in run.labels]
    if not labelled:
        return {}
    agents: dict[str, dict[str, str | None]] = {}
    for execution_id, step_id, agent in asking.rows(
        "select s.execution_id, s.step_id, s.agent from steps s join executions e using (execution_id) "
        f"where e.task_type = '{stem}'"
    ):
        agents.setdefault(execution_id, {})[step_id] = agent
    return location.scores([
        location.judged(run, converted, _answer(asking, converted), agents[converted.execution_id])
        for run, converted in labelled
    ])  # fmt: skip


def _answer(asking: Asking, converted: Converted) -> location.Answer:
    document = asking.execution(converted.execution_id)
    return location.Answer(
        document["failing_step_id"], document["cause_step_id"], document["suspects"], document["failure_confidence"]
    )
