"""What each metric says, in a sentence; docs/figures.md is generated from here."""
# ruff: noqa: E501  one sentence a line reads better than its pieces

from __future__ import annotations

from typing import Final

from whichstep_analytics.intervals import BOOTSTRAP_CLUSTERS_MAX
from whichstep_analytics.metrics import EIGHT, METRICS, UNITS
from whichstep_analytics.metrics.definitions import QUANTILES, SHARES

SENTENCES: Final[dict[str, str]] = {
    "task_success_rate": "Executions done correctly without a person's correction ÷ executions with a known outcome. "
    "Strongest witness first: a person (`task_success`, a correction, an edit or rejection), the agent's own code, an "
    "evaluator, inference (ended in an error: failure).",
    "first_pass_success": "Successes that nobody revised, that are no re-run and were not re-run, and in which no action "
    "was repeated with other arguments ÷ executions with a known outcome. Retries with the same arguments do not count against it.",
    "tool_selection_accuracy": "Matched ÷ (matched + missing + needless) tools of an execution whose right tools are known, "
    "averaged; escalation counts like one more tool, a repeat of a failed call is no new choice.",
    "human_escalation_rate": "Executions in which a person was brought in (approval request, hand-over) ÷ all.",
    "policy_violation_rate": "Executions in which something blocked was attempted ÷ executions under a policy.",
    "latency_p95": "95th percentile, nearest rank, of active time: wall time less the union of waits for people. Of ended executions.",
    "cost_per_task": "Cost of all attempts ÷ distinct tasks completed. An execution with an unpriced call leaves both sides.",
    "error_rate": "Executions that ended in an error ÷ ended executions.",
    "cost_per_successful_task": "Cost of all attempts with a known outcome ÷ distinct tasks that succeeded.",
    "contract_violation_rate": "Executions that broke their workflow's contract ÷ executions under a contract.",
    "disputed_outcome_rate": "Executions whose witnesses disagree on success ÷ executions with a known outcome.",
    "escalation_precision": "Of the escalated executions of which someone said whether they should be: those that should.",
    "escalation_recall": "Of the executions that should be escalated: those that were.",
    "human_escalation_rate.agent": "Escalations that the agent decided on ÷ all executions.",
    "human_escalation_rate.failure": "Escalations after a failure ÷ all executions.",
    "human_escalation_rate.policy": "Escalations that a policy demanded ÷ all executions.",
    "human_escalation_rate.user": "Escalations that the user asked for ÷ all executions.",
    "latency_p95_wall": "95th percentile, nearest rank, of wall time. Of ended executions.",
    "self_corrected_rate": "Executions that repeated an action with other arguments by themselves ÷ all.",
    "tokens_per_task": "Tokens in and out of all attempts ÷ distinct tasks completed.",
    "tool_error_rate": "Tool calls that failed ÷ tool calls.",
    "tool_order_match": "1 less the edit distance of the tools called and those that were right ÷ the longer sequence, averaged.",
    "tool_precision_arguments": "Calls with the right tool and arguments ÷ calls made, where the right ones are known.",
    "tool_precision_name": "Calls of a right tool ÷ calls made, where the right ones are known.",
    "tool_recall_arguments": "Calls with the right tool and arguments ÷ calls that were right.",
    "tool_recall_name": "Calls of a right tool ÷ calls that were right.",
    "ungated_action_rate": "Actions that the sidecar's policy holds or blocks and that ran without a person's approval ÷ actions "
    "compared with it. An execution with an action that cannot be judged (its arguments are not known) leaves both sides.",
    "wasted_cost_share": "Cost of failed, rejected and repeated steps and of the model calls that asked for them ÷ cost.",
}
_QUANTILES: Final = frozenset(quantile.metric for quantile in QUANTILES)
_SHARES: Final = frozenset(share.metric for share in SHARES)
_HEAD: Final = """<!-- Generated from analytics/whichstep_analytics/metrics/reference.py by docs/generate.py; edit there. -->
# The metrics

`whichstep metrics`, `GET /api/v1/metrics` and the Overview show them for any window and grouping. Each comes with
`numerator`, `denominator`, `n` (executions looked at), `known` and `coverage`, the bounds that unknown cases leave open, a
95 % interval and its method; a figure that is not known is null with a `reason`, never 0. Where all that is known of the
outcome was inferred from errors there is no point value: "unknown, at most 95 %".

`change` compares with the window before (as long, ending where this one begins): value, interval, p value, and the same
with the mix of task types held (direct standardisation). `trend` is the slope over the last twelve weeks that are over.
Where the plain and the standardised figure disagree, the words say both. An outcome that was judged in a sample
(`inclusion_probability`) counts for as many executions as it stands for.

| metric | unit | what it says | interval |
|---|---|---|---|"""


def reference() -> str:
    """The text of docs/figures.md: the eight first, then their companions."""
    rows = (f"| {_name(metric)} | {UNITS[metric]} | {SENTENCES[metric]} | {_interval(metric)} |" for metric in METRICS)
    return "\n".join([_HEAD, *rows, ""])


def _name(metric: str) -> str:
    return f"**`{metric}`**" if metric in EIGHT else f"`{metric}`"


def _interval(metric: str) -> str:
    if metric in _SHARES:
        return "Wilson; at the effective size where sessions or tasks repeat"
    if metric in _QUANTILES:
        return "order statistics"
    return f"bootstrap over tasks, delta method above {BOOTSTRAP_CLUSTERS_MAX:,}"
