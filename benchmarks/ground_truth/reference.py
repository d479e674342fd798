"""What is known of the given files from elsewhere: the values that their publishers state, or that follow from their labels.

A figure is compared only where the file has as many runs as the published one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Known(NamedTuple):
    """Values to reproduce for one file of so many runs."""

    runs: int
    values: dict[str, float]


TAU: Final = "tau-gpt-4o-airline"
DOJO: Final = "agentdojo"
BENCH: Final = "tb-trials"
KNOWN: Final = {
    TAU: Known(132, {
        "pass_hat_1": 0.4318, "pass_hat_2": 0.2828, "pass_hat_3": 0.2273, "pass_hat_4": 0.2121,
        "tool_error_rate": 52 / 787, "human_escalation_rate": 31 / 132, "escalation_precision": 5 / 31,
        "escalation_recall": 5 / 12, "tool_recall_name": 322 / 424, "tool_precision_name": 322 / 787,
        "tool_recall_arguments": 275 / 424, "tool_precision_arguments": 275 / 787,
    }),
    "agentrx-tau-full": Known(70, {
        "task_success_rate": 52 / 70, "human_escalation_rate": 3 / 70, "tool_error_rate": 20 / 539,
        "tool_recall_name": 331 / 382, "tool_precision_name": 331 / 539, "tool_recall_arguments": 313 / 382,
        "tool_precision_arguments": 313 / 539,
    }),
    "tb-kimi-steps": Known(36, {"input_tokens": 14_773_125, "output_tokens": 133_835}),
}  # fmt: skip
DOJO_BY_MODEL: Final = {
    "claude-3-5-sonnet-20241022": {
        "success": (44, 57),
        "success_attacked": (44, 57),
        "violated": (2, 57),
        "errors": (13, 405),
    },
    "gpt-4-0125-preview": {
        "success": (40, 57),
        "success_attacked": (25, 57),
        "violated": (17, 57),
        "errors": (27, 495),
    },
    "gpt-4o-mini-2024-07-18": {
        "success": (39, 57),
        "success_attacked": (28, 57),
        "violated": (12, 57),
        "errors": (36, 549),
    },
}
BENCH_BY_AGENT: Final = {
    "c4": {"resolved": (18, 47), "p95_s": 1181.2},
    "coder": {"resolved": (19, 47), "p95_s": 1208.8},
    "gpt5": {"resolved": (14, 47), "p95_s": 2700.2},
    "v3": {"resolved": (3, 47), "p95_s": 445.4},
    "kimi-k2.5": {"resolved": (2, 43), "p95_s": 988.4},
}


def equal(value: Any, known: Any) -> bool:
    """Whether two figures are the same as far as the published one is written: counts exactly, others to 4 digits."""
    if isinstance(known, tuple):
        return value is not None and tuple(value) == known
    return value is not None and abs(value - known) <= max(5e-5, abs(known) * 5e-5)
