"""What happened in an execution, in two or three sentences."""

from __future__ import annotations

from typing import Any, Final

_STATUS_WORDS = {
    "running": "is still running",
    "waiting": "waits for a person",
    "ok": "ended",
    "error": "ended in an error",
    "abandoned": "stopped without a word",
}
_SOURCE_WORDS = {"human": "a person", "code": "the agent's own code", "evaluator": "an evaluator"}


def summary(execution: dict[str, Any]) -> str:
    """Outcome, failing and cause step with the reason, effort; nothing is said that is not known."""
    return " ".join(filter(None, (_outcome(execution), _failure(execution), _cause(execution), _effort(execution))))


def duration(milliseconds: float) -> str:
    """A duration in words, to three digits: `840 ms`, `12.3 s`, `4 min 05 s`."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def money(usd: float) -> str:
    """US dollars with the digits that matter: `$1.20`, `$0.0042`."""
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.2g}"


def _outcome(execution: dict[str, Any]) -> str:
    who = execution["agent"] or execution["workflow"] or execution["service"]
    how = _STATUS_WORDS.get(execution["status"], execution["status"])
    source = _SOURCE_WORDS.get(execution["success_source"] or "")
    said = f", says {source}" if source else ""
    if execution["success"] is None:
        outcome = "" if execution["status"] in ("running", "waiting") else "; whether it succeeded is unknown"
    else:
        outcome = f"; it {'succeeded' if execution['success'] else 'failed'}{said}"
    return f"{who} {how}{outcome}."


def _failure(execution: dict[str, Any]) -> str:
    step, kind = execution["failing_step"], execution["failure_kind"]
    if step is None and kind is None:
        return ""
    where = named(step) if step else "no single step"
    reason = f": {execution['failure_reason'].rstrip('.')}" if execution["failure_reason"] else ""
    return f"The failure first shows in {where} ({kind or 'unknown kind'}){reason}."


def _cause(execution: dict[str, Any]) -> str:
    cause = execution["cause_step"]
    if cause is None or cause["step_id"] == execution["failing_step_id"]:
        return ""
    return f"The decision that led there was {named(cause)}."


def _effort(execution: dict[str, Any]) -> str:
    parts = [f"{execution['step_count']} steps"]
    if execution["latency_ms"] is not None:
        parts.append(duration(execution["latency_ms"]))
    parts.append("cost unknown" if execution["cost_usd"] is None else money(execution["cost_usd"]))
    return ", ".join(parts) + "."


def named(step: dict[str, Any]) -> str:
    """A step as a sentence names it: `step 5, issue_refund`."""
    return f"step {step['position']}, {step['name']}"


BREAKS_MAX: Final = 5


def contract_words(conformance: dict[str, Any]) -> list[str]:
    """Whether the execution keeps to its contract, and the first things that break it, a line each."""
    contract = f"the contract of {conformance['workflow']} (level {conformance['level']})"
    if not conformance["deviation_count"]:
        return [f"keeps to {contract}" + ("" if conformance["conformant"] else " so far")]
    shown = conformance["deviations"][:BREAKS_MAX]
    lines = [f"breaks {contract}: {len(shown)} of {conformance['deviation_count']} deviations"]
    for found in shown:
        step = f"step {found['position']}: " if found["position"] is not None else ""
        lines.append(f"{step}{found['reason']} [{found['rule']}]")
    return lines


def judge_words(opinion: dict[str, Any]) -> str:
    """A judge's verdict in one line: who, what, and whether the rules say the same."""
    who = opinion["author"] or "a model"
    if opinion["malformed"]:
        return f"the answer of {who} could not be read"
    what = "no step failed" if opinion["step"] is None else f"step {opinion['step']}, {opinion['step_name']}"
    kind = f" ({opinion['kind']})" if opinion["kind"] else ""
    sure = "" if opinion["confidence"] is None else f", confidence {opinion['confidence']:.0%}"
    agree = {True: "agrees with the rules", False: "differs from the rules", None: "names a step that is not here"}
    return f"{what}{kind}{sure}; {who} {agree[opinion['agrees']]}"
