"""The figures of one file of runs, by name: metrics from the product's answers, location from its executions."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from statistics import fmean
from typing import Any

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
    """How often the step that was to blame is named: the cause step, else the failing step.

    Annotators blame the model turn that asked, not the tool call that raised; where the product names no cause the
    failing step is its answer. A run for which nothing is to blame is right when nothing is named.
    """
    labelled = [(run, converted) for run, converted in runs if "failing_step" in run.labels]
    if not labelled:
        return {}
    answers = {
        row[0]: row[1:]
        for row in asking.rows(
            f"select execution_id, failing_step_id, cause_step_id from executions where task_type = '{stem}'"
        )
    }
    agents = {
        (execution_id, step_id): agent
        for execution_id, step_id, agent in asking.rows(
            "select s.execution_id, s.step_id, s.agent from steps s join executions e using (execution_id) "
            f"where e.task_type = '{stem}'"
        )
    }
    return _scores([_judged(asking, run, converted, answers, agents) for run, converted in labelled])


def _judged(asking: Asking, run: Run, converted: Converted, answers: dict, agents: dict) -> dict[str, Any]:
    failing, cause = answers[converted.execution_id]
    truth = run.labels.get("failing_step")
    named = cause or failing
    index = converted.indices.get(named) if named else None
    top = _top(asking, converted)
    return {
        "truth": truth,
        "named": index,
        "distance": None if truth is None or index is None else abs(index - truth),
        "exact": index == truth,
        "top_3": truth in top[:3] if truth is not None else index is None,
        "agent": named is not None and agents.get((converted.execution_id, named)) == run.labels.get("failing_agent"),
    }


def _top(asking: Asking, converted: Converted) -> list[int]:
    """The indices of the suspects, best first, each once."""
    document = asking.execution(converted.execution_id)
    listed = [suspect.get("cause_step_id") or suspect["step_id"] for suspect in document["suspects"]]
    named = [step for step in (document["cause_step"], document["failing_step"]) if step]
    order = [step["step_id"] for step in named] + listed
    return list(dict.fromkeys(index for step in order if (index := converted.indices.get(step)) is not None))


def _scores(judged: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over all labelled runs; `first_error_exact` is strict equality where the truth may be none."""
    n = len(judged)
    blamed = [row for row in judged if row["truth"] is not None]
    named = [row for row in judged if row["named"] is not None]
    found: dict[str, Any] = {
        "labelled": n,
        "first_error_exact": sum(row["exact"] for row in judged) / n,
        "step_exact": sum(row["exact"] for row in blamed) / len(blamed),
        "step_top_3": sum(row["top_3"] for row in blamed) / len(blamed),
        "agent_exact": sum(row["agent"] for row in blamed) / len(blamed),
        "step_precision": sum(row["exact"] for row in named) / len(named) if named else None,
    }
    for within in (1, 3, 5):
        near = sum(row["distance"] is not None and row["distance"] <= within for row in blamed)
        found[f"step_within_{within}"] = near / len(blamed)
    return found
