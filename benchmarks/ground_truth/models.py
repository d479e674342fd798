"""Figures of one file by what ran it (its release): with and without an attack, resolved and how long; from the product."""

from __future__ import annotations

from typing import Any

from benchmarks.ground_truth import reference
from benchmarks.ground_truth.asking import Asking
from benchmarks.ground_truth.convert import ATTACKED, PLAIN


def of_file(asking: Asking, stem: str) -> dict[str, dict[str, Any]]:
    """By release; empty for files that nobody published such figures of."""
    if stem == reference.DOJO:
        return _dojo(asking)
    return _bench(asking) if stem == reference.BENCH else {}


def _dojo(asking: Asking) -> dict[str, dict[str, Any]]:
    whole, plain, attacked = (_by_release(asking, reference.DOJO, purpose) for purpose in ("all", PLAIN, ATTACKED))
    return {
        release: {
            "success": _counts(plain[release]["task_success_rate"]),
            "success_attacked": _counts(attacked[release]["task_success_rate"]),
            "violated": _counts(attacked[release]["policy_violation_rate"]),
            "errors": _counts(figures["tool_error_rate"]),
        }
        for release, figures in whole.items()
    }


def _bench(asking: Asking) -> dict[str, dict[str, Any]]:
    return {
        release: {
            "resolved": (_whole(figures["task_success_rate"]["numerator"]), _whole(figures["task_success_rate"]["n"])),
            "resolved_known": _counts(figures["task_success_rate"]),
            "p95_s": None if (p95 := figures["latency_p95"]["value"]) is None else round(p95 / 1000, 1),
        }
        for release, figures in _by_release(asking, reference.BENCH, "all").items()
    }


def _by_release(asking: Asking, stem: str, purpose: str) -> dict[str, dict[str, Any]]:
    groups = asking.metrics(stem, by="release", purpose=purpose)
    return {group["group"]["release"]: group["metrics"] for group in groups}


def _counts(figure: dict[str, Any]) -> tuple[int | None, int | None]:
    return _whole(figure["numerator"]), _whole(figure["denominator"])


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
