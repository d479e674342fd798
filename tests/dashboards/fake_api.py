"""A read API on a real loopback port, with documents of the shapes in ARCHITECTURE.md, "Answers".

Three stores: `empty`, `small` (sample data that reads well) and `odd` (nulls everywhere, hostile texts, 2,000 steps,
kinds nobody knows). Run as a program it serves one for the eye: `python fake_api.py small 4318`.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

NOW = datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC)
HOSTILE = (
    "![x](http://127.0.0.1:9/pixel.png)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    ":material/warning: :red[alarm] :smile: $\\frac{1}{2}$",
    "[click](javascript:alert(1)) https://evil.example/ www.evil.example a@evil.example",
    "# heading\n- list\n| a | b |\n|---|---|",
    "\u202egnp.exe\x00\x07 `code` **bold** ~~gone~~ -> <-",
)


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


@dataclass
class Store:
    executions: list[dict] = field(default_factory=list)
    documents: dict[str, dict] = field(default_factory=dict)
    contents: dict[tuple[str, str], dict] = field(default_factory=dict)
    metrics: dict[str, list[dict]] = field(default_factory=dict)
    failures: dict[str, dict] = field(default_factory=dict)
    filters: dict[str, list[dict]] = field(default_factory=dict)
    more: dict[str, dict] = field(default_factory=dict)
    """Answers by the last part of their address."""


def empty() -> Store:
    groups = [{"group": {}, "metrics": {name: figure(None, n=0, reason="no execution matches") for name in UNITS}}]
    names = ("release", "agent", "task_type", "service", "environment", "purpose")
    return Store(metrics={"": groups}, filters={name: [] for name in names})


UNITS = {
    "task_success_rate": "share",
    "first_pass_success": "share",
    "tool_selection_accuracy": "share",
    "human_escalation_rate": "share",
    "policy_violation_rate": "share",
    "latency_p95": "ms",
    "cost_per_task": "usd",
    "error_rate": "share",
}


def figure(value, *, n=100, known=None, spread=0.03, unit="share", previous=None, reason=None):
    known = n if known is None else known
    share = unit == "share" and value is not None
    return {
        "value": value,
        "numerator": value * known if share else None,
        "denominator": known if share else None,
        "n": n,
        "known": known,
        "coverage": known / n if n else None,
        "lower": None if value is None else max(value - spread, 0.0),
        "upper": None if value is None else (min(value + spread, 1.0) if share else value + spread),
        "bound_lower": 0.02 if value is None and n else None,
        "bound_upper": 0.95 if value is None and n else None,
        "method": "wilson" if share else "order statistics",
        "unit": unit,
        "reason": reason,
        "previous": None if previous is None else {"value": previous},
        "change": None if previous is None or value is None else _change(value - previous, spread),
    }


def _change(value, spread):
    verdict = "unclear" if abs(value) < spread else "up" if value > 0 else "down"
    return {
        "value": value,
        "p_value": 0.04,
        "verdict": verdict,
        "words": verdict,
        "mix_adjusted": None,
        "disagree": False,
    }


def small(*, purpose="demo", count=137) -> Store:
    chance = random.Random(7)
    store = Store()
    for number in range(count):
        execution = _execution(chance, number, purpose)
        store.executions.append(execution)
    store.executions.sort(key=lambda row: row["started_at"], reverse=True)
    for number, execution in enumerate(store.executions):
        _explain(store, execution, loops=2 + number % 3)
    store.metrics = _metrics(chance)
    store.failures = {by: _failures(by, store.executions) for by in ("step", "kind", "signature")}
    store.filters = _filters(store.executions)
    store.more = {
        "drift": _drift("bucket", known=True),
        **_workflows("support_agent", held=True),
        "actions": _actions(store.executions, hostile=False),
        "approvals/figures": _decisions("send_external_email", "ann"),
        "tools": _tools("lookup_order", "issue_refund", "refund_request", labelled=True),
        "grounding": _grounding(store.executions, "A-4403"),
        "compare": _compare("planner", "--- before\n+++ after\n-Be brief.\n+Be brief, and kind.", "rose by 5 points"),
    }
    return store


def _execution(chance: random.Random, number: int, purpose: str) -> dict:
    failed = chance.random() < 0.22
    unknown = chance.random() < 0.1
    kind = chance.choices(["tool_error", "tool_timeout", "empty_retrieval", "llm_error", "loop"], [5, 3, 2, 1, 1])[0]
    step = {
        "tool_error": "issue_refund",
        "tool_timeout": "lookup_order",
        "empty_retrieval": "search_policy",
        "llm_error": "gpt-5-mini",
        "loop": "lookup_order",
    }[kind]
    started = NOW - timedelta(hours=chance.random() * 24 * 26, seconds=number)
    latency = chance.lognormvariate(8.3, 0.6)
    release = "2026.11.3" if started > NOW - timedelta(days=8) else "2026.10.1" if number % 3 else "2026.9.4"
    return {
        "execution_id": f"{0x5EED0000 + number:032x}",
        "external_id": None,
        "task_id": f"T-{1000 + number}",
        "rerun_of": None,
        "trace_ids": [f"{0x5EED0000 + number:032x}"],
        "session_id": f"session-{number % 40}",
        "turn": 1 + number % 4,
        "user_id": f"user-{number % 23}",
        "task_type": ["refund_request", "order_status", "policy_question"][number % 3],
        "agent": "support" if number % 3 else "triage",
        "workflow": None,
        "service": "support-agent",
        "release": release,
        "configuration_id": f"{number % 4:032x}",
        "environment": "prod" if number % 5 else "staging",
        "purpose": purpose,
        "tags": [],
        "metadata": None,
        "started_at": iso(started),
        "ended_at": iso(started + timedelta(milliseconds=latency)),
        "status": "error" if failed and kind != "empty_retrieval" else "ok",
        "input": f"My order A-{2000 + number} arrived broken, can I have my money back?",
        "output": None if failed else "Your refund is on its way.",
        "success": False if failed else None if unknown else True,
        "success_source": "inferred" if failed else None if unknown else "code",
        "first_pass": not failed,
        "self_corrected": False,
        "escalated": number % 11 == 0,
        "escalation_reason": "policy" if number % 11 == 0 else None,
        "violated": None,
        "latency_ms": latency + 250,
        "active_ms": latency,
        "cost_usd": None if number % 17 == 0 else round(chance.lognormvariate(-5, 0.5), 6),
        "unpriced_calls": int(number % 17 == 0),
        "input_tokens": 1800 + number * 13,
        "output_tokens": 240 + number,
        "cache_read_tokens": 900,
        "cache_write_tokens": 0,
        "reasoning_tokens": None,
        "wasted_cost_usd": 0.0,
        "step_count": 0,
        "llm_call_count": 0,
        "tool_call_count": 0,
        "retry_count": number % 3,
        "error_count": int(failed) + number % 2,
        "failing_step_id": None,
        "failing_step_name": step if failed else None,
        "failing_step_path": f"support/{step}" if failed else None,
        "cause_step_id": None,
        "failure_kind": kind if failed else None,
        "failure_reason": f"{step} ended in an error that nothing after it recovered: {kind}" if failed else None,
        "failure_confidence": 0.9 if failed else None,
        "failure_signature": f"{step}:{kind}" if failed else None,
        "autonomy_level": None,
    }


def _explain(store: Store, execution: dict, *, loops: int) -> None:
    """The whole document of one execution: retrieve, then rounds of model and tool, then an answer."""
    started = datetime.fromisoformat(execution["started_at"][:26]).replace(tzinfo=UTC)
    total = execution["latency_ms"]
    plan = [("agent", execution["agent"], 0.0, 1.0, None), ("retrieval", "search_policy", 0.02, 0.08, 0)]
    at = 0.1
    for turn in range(loops):
        plan.append(("llm_call", "gpt-5-mini", at, 0.16, 0))
        name = "issue_refund" if turn == loops - 1 else "lookup_order"
        plan.append(("tool_call", execution["failing_step_name"] or name, at + 0.17, 0.7 / loops - 0.18, 0))
        at += 0.8 / loops
    plan.append(("llm_call", "gpt-5-mini", 0.9, 0.1, 0))
    steps = []
    for position, (kind, name, start, length, parent) in enumerate(plan, 1):
        begin = started + timedelta(milliseconds=start * total)
        steps.append(_step(execution, position, kind, name, begin, max(length, 0.01) * total, parent))
    failing = cause = None
    if execution["failing_step_name"]:
        failing = steps[-2]
        cause = steps[-3]
        failing |= {
            "status": "error",
            "error_type": "PaymentError",
            "error_message": "refund service answered 502: upstream timed out after 30 s",
            "name": execution["failing_step_name"],
        }
        execution |= {"failing_step_id": failing["step_id"], "cause_step_id": cause["step_id"]}
    execution["step_count"] = len(steps)
    suspects = (
        [
            {
                "step_id": failing["step_id"],
                "kind": execution["failure_kind"],
                "rule": "hard_error",
                "score": 0.9,
                "reason": execution["failure_reason"],
            },
            {
                "step_id": cause["step_id"],
                "kind": "wrong_tool",
                "rule": "wrong_tool",
                "score": 0.35,
                "reason": "this call asked for the failing step",
            },
        ]
        if failing
        else []
    )
    store.documents[execution["execution_id"]] = {
        **execution,
        "steps": [{**step, "step": step["position"]} for step in steps],
        "final_output": execution["output"],
        "total_latency_ms": execution["latency_ms"],
        "total_cost_usd": execution["cost_usd"],
        "suspects": suspects,
        "grounding": failing and {"step_id": steps[-1]["step_id"], "checked": 3, "ungrounded": ["A-4403"]},
        "conformance": failing
        and _conformance("support_agent", "issue_refund has no place there", steps[-1]["step_id"]),
        "judge": failing
        and {
            "step_id": steps[2]["step_id"],
            "kind": "wrong_tool",
            "confidence": 0.8,
            "reason": "it need not have been asked",
            "malformed": False,
            "author": "judge gpt-4.1-mini",
            "agrees": False,
        },
        "evaluations": [
            {
                "name": "task_success",
                "score": 1.0,
                "label": "pass",
                "explanation": "refunded within policy",
                "source": "HUMAN",
            }
        ],
        "failing_step": failing,
        "cause_step": cause,
    }
    for step in steps:
        store.contents[execution["execution_id"], step["step_id"]] = _content(execution, step)


def _step(execution, position, kind, name, begin, latency, parent):
    model = kind == "llm_call"
    return {
        "step_id": f"{position:016x}",
        "execution_id": execution["execution_id"],
        "parent_step_id": None if parent is None else f"{parent + 1:016x}",
        "trace_id": execution["trace_ids"][0],
        "type": kind,
        "name": name,
        "path": f"{execution['agent']}/{name}",
        "agent": execution["agent"],
        "position": position,
        "attempt": 1,
        "requested_by": f"{position - 1:016x}" if kind == "tool_call" else None,
        "started_at": iso(begin),
        "ended_at": iso(begin + timedelta(milliseconds=latency)),
        "latency_ms": latency,
        "status": "ok",
        "error_type": None,
        "error_message": None,
        "recovered": False,
        "control_flow": None,
        "model": "gpt-5-mini" if model else None,
        "provider": "openai" if model else None,
        "input_tokens": 812 if model else None,
        "output_tokens": 64 if model else None,
        "cache_read_tokens": 512 if model else None,
        "cost_usd": 0.00123 if model else None,
        "finish_reason": "tool_calls" if model else None,
        "tool": name if kind == "tool_call" else None,
        "arguments": '{"order_id": "A-2001"}' if kind == "tool_call" else None,
        "result": None,
        "query": None,
        "sources": None,
        "document_count": 2 if kind == "retrieval" else None,
        "input": None,
        "output": None,
        "output_summary": None,
        "approval_id": None,
        "dialect": "genai",
        "flags": [],
    }


def _content(execution, step) -> dict:
    if step["type"] == "llm_call":
        messages = [
            {
                "role": "system",
                "parts": [{"type": "text", "content": "You are a support agent. Follow the refund policy."}],
            },
            {"role": "user", "parts": [{"type": "text", "content": execution["input"]}]},
            {
                "role": "assistant",
                "parts": [
                    {"type": "tool_call", "id": "c1", "name": "lookup_order", "arguments": {"order_id": "A-2001"}}
                ],
            },
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "response": {"status": "delivered"}}],
            },
        ]
        return {"input": json.dumps(messages), "output": "I will refund the order now."}
    if step["type"] == "retrieval":
        sources = [{"id": "policy-4", "score": 0.83, "content": "Broken goods are refunded within 30 days."}]
        return {"query": "refund broken goods", "sources": json.dumps(sources)}
    if step["type"] == "tool_call":
        return {"arguments": '{"order_id": "A-2001", "amount": 49.9}', "result": '{"status": "error", "code": 502}'}
    return {"input": execution["input"], "output": execution["output"] or ""}


def _metrics(chance: random.Random) -> dict[str, list[dict]]:
    def row(n, lift=0.0, previous=None):
        wobble = chance.uniform(-0.02, 0.02) + lift
        before = previous or {}
        return {
            "task_success_rate": figure(
                0.78 + wobble, n=n, known=int(n * 0.9), spread=0.5 / n**0.5, previous=before.get("s")
            ),
            "first_pass_success": figure(
                0.71 + wobble, n=n, known=int(n * 0.9), spread=0.5 / n**0.5, previous=before.get("f")
            ),
            "tool_selection_accuracy": figure(None, n=n, known=0, reason="no execution has an expectation"),
            "human_escalation_rate": figure(0.09 + wobble / 4, n=n, spread=0.02, previous=before.get("e")),
            "policy_violation_rate": figure(None, n=n, known=0, reason="no execution ran under a policy")
            | {"bound_lower": None},
            "latency_p95": figure(7420 - 9000 * wobble, n=n, spread=600, unit="ms", previous=before.get("l")),
            "cost_per_task": figure(
                0.0082 + wobble / 50, n=n, known=int(n * 0.94), spread=0.0006, unit="usd", previous=before.get("c")
            ),
            "ungated_action_rate": figure(0.02, n=n, known=int(n * 0.9), spread=0.01),
            "error_rate": figure(0.17 - wobble, n=n, spread=0.03, previous=before.get("r")),
        }

    before = {"s": 0.70, "f": 0.72, "e": 0.11, "l": 6100, "c": 0.0095, "r": 0.17}
    days = [NOW.date() - timedelta(days=back) for back in range(27, -1, -1)]
    weeks = ["2026-W40", "2026-W41", "2026-W42", "2026-W43", "2026-W44", "2026-W45", "2026-W46", "2026-W47"]
    return {
        "": [{"group": {}, "metrics": row(137, previous=before)}],
        "day": [{"group": {"day": str(day)}, "metrics": row(5, at / 300)} for at, day in enumerate(days) if at != 9],
        "week": [{"group": {"week": week}, "metrics": row(20, at / 100)} for at, week in enumerate(weeks)],
        "release": [
            {"group": {"release": release}, "metrics": row(n, lift)}
            for release, n, lift in (
                ("2026.11.3", 41, 0.06),
                ("2026.10.1", 64, 0.0),
                ("2026.9.4", 30, -0.08),
                (None, 2, 0),
            )
        ],
    }


def _failures(by: str, executions: list[dict]) -> dict:
    column = {"step": "failing_step_path", "kind": "failure_kind", "signature": "failure_signature"}[by]
    failed = [row for row in executions if row["success"] is False]
    groups: dict[str, list[dict]] = {}
    for row in failed:
        groups.setdefault(row[column], []).append(row)
    found = []
    for label, rows in sorted(groups.items(), key=lambda item: -len(item[1])):
        weeks: dict[str, int] = {}
        for row in rows:
            moment = datetime.fromisoformat(row["started_at"][:10]).isocalendar()
            week = f"{moment.year}-W{moment.week:02d}"
            weeks[week] = weeks.get(week, 0) + 1
        found.append(
            {
                "key": {by: label},
                "label": f"{rows[0]['failing_step_path']} · {rows[0]['failure_kind']} · said <*> to all"
                if by == "signature"
                else label,
                "workflow": None,
                "step": rows[0]["failing_step_path"] if by != "kind" else None,
                "kind": rows[0]["failure_kind"] if by != "step" else None,
                "count": len(rows),
                "share": len(rows) / len(failed),
                "first_seen": min(row["started_at"] for row in rows),
                "last_seen": max(row["started_at"] for row in rows),
                "new_since_release": len(found) == 2,
                "weeks": [{"week": week, "count": count} for week, count in sorted(weeks.items())],
                "examples": [row["execution_id"] for row in rows[:5]],
            }
        )
    return {"by": by, "failed": len(failed), "executions": len(executions), "groups": found}


def _filters(executions: list[dict]) -> dict:
    found = {}
    for name in ("release", "agent", "task_type", "service", "environment", "purpose"):
        counts: dict[str, int] = {}
        for row in executions:
            counts[row[name]] = counts.get(row[name], 0) + 1
        found[name] = [{"value": value, "count": count} for value, count in counts.items()]
    return found


def odd() -> Store:
    """Everything that may be null is null, every text is hostile, one execution has 2,000 steps."""
    store = small(purpose="production", count=len(HOSTILE) + 2)
    kept = {"execution_id", "trace_ids", "started_at", "purpose", "service", "step_count"}
    for number, execution in enumerate(store.executions):
        text = HOSTILE[number % len(HOSTILE)]
        document = store.documents[execution["execution_id"]]
        nothing = {name: None for name in execution if name not in kept}
        texts = (
            "task_type",
            "agent",
            "release",
            "input",
            "failing_step_name",
            "failure_kind",
            "failure_reason",
            "session_id",
        )
        execution.update(nothing | dict.fromkeys(texts, text) | {"status": "strange"})
        document |= execution | {
            "failing_step": {"step_id": f"{2:016x}", "name": text, "type": text, "position": None},
            "failing_step_id": f"{2:016x}",
            "cause_step": None,
            "suspects": [{"step_id": None, "kind": text, "score": None, "reason": text}],
            "conformance": _conformance(text, text, None),
            "judge": {
                "step_id": None,
                "kind": text,
                "confidence": None,
                "reason": text,
                "malformed": number % 2 == 0,
                "author": text,
                "agrees": None,
            },
            "evaluations": [{"name": text, "score": None, "label": text, "explanation": text, "source": None}],
        }
        for step in document["steps"]:
            step.update({name: None for name in step if name not in {"step_id", "position"}})
            step.update({"name": text, "type": text, "error_message": text, "flags": [text]})
            store.contents[execution["execution_id"], step["step_id"]] = {"input": text, text: text, "output": None}
    _make_long(store, store.executions[0])
    label = HOSTILE[1]
    group = {"key": {"step": label}, "label": label, "count": 1, "share": None, "first_seen": None, "last_seen": None}
    group |= {"new_since_release": None, "weeks": [], "examples": []}
    store.failures = {
        by: {"by": by, "failed": 1, "executions": None, "groups": [group]} for by in ("step", "kind", "signature")
    }
    bare = {name: {"value": None, "n": 3, "reason": HOSTILE[0]} for name in UNITS}
    store.metrics = {
        "": [{"group": {}, "metrics": bare}],
        "day": [{"group": {"day": None}, "metrics": {}}],
        "week": [],
        "release": [{"group": {"release": HOSTILE[2]}, "metrics": bare}],
    }
    store.filters = {
        name: [{"value": text, "count": 1} for text in HOSTILE] + [{"value": None, "count": 2}]
        for name in store.filters
    }
    store.filters["purpose"] = [{"value": "production", "count": len(store.executions)}]
    store.more = {
        "drift": _drift(HOSTILE[0], known=False),
        **_workflows(HOSTILE[0], held=False),
        "actions": _actions(store.executions, hostile=True),
        "approvals/figures": _decisions(HOSTILE[0], HOSTILE[1]),
        "tools": _tools(HOSTILE[0], HOSTILE[1], HOSTILE[2], labelled=True),
        "grounding": _grounding(store.executions, *HOSTILE),
        "compare": _compare(HOSTILE[0], HOSTILE[1], HOSTILE[2]),
    }
    return store


def _make_long(store: Store, execution: dict) -> None:
    document = store.documents[execution["execution_id"]]
    first = document["steps"][0]
    for position in range(len(document["steps"]) + 1, 2001):
        step = dict(first, step_id=f"{position:016x}", position=position, name=f"step {position % 7}")
        step |= {"parent_step_id": f"{max(position - 1, 1) if position < 400 else 1:016x}"}
        document["steps"].append(step)
    document["steps"][5]["parent_step_id"] = document["steps"][5]["step_id"]


def _conformance(workflow: str, reason: str, step_id: str | None) -> dict:
    deviation = {
        "move": "log",
        "step": workflow,
        "step_id": step_id,
        "position": None,
        "rule": "tool",
        "reason": reason,
    }
    return {"workflow": workflow, "level": 3, "conformant": False, "deviation_count": 7, "deviations": [deviation] * 7}


def _workflows(name: str, *, held: bool) -> dict[str, dict]:
    """A workflow of two steps, one execution of ten breaking its contract; without one, nothing is known."""
    share = {"value": 0.9, "numerator": 9, "denominator": 10, "n": 10, "lower": 0.6, "upper": 0.98}
    unknown = {"value": None, "numerator": 0, "denominator": 0, "n": 10, "lower": None, "upper": None}
    observed = {"level": 2 if held else None, "reason": name}
    listed = {
        "workflow": name, "executions": 10, "held": 10 if held else 0, "level": 3 if held else None,
        "observed": observed, "conformance": share if held else unknown,
    }  # fmt: skip
    pairs = (("start", "a", True), ("a", name, False), (name, "end", None))
    edges = [
        {"from": source, "to": target, "count": 10, "executions": 10, "failed": 1, "failure_share": 0.1, "allowed": allowed if held else None}
        for source, target, allowed in pairs
    ]  # fmt: skip
    nodes = [
        {"label": label, "count": 10, "executions": 10, "failed": 1, "errors": 0, "failure_share": 0.1}
        for label in ("a", name)
    ]
    broken = {
        "move": "log",
        "step": name,
        "rule": "unlisted",
        "reason": f"{name} is no step",
        "count": 1,
        "executions": 1,
        "examples": ["0" * 32],
    }
    bound = {
        "of": "success",
        "good": 9,
        "known": 10,
        "total": 10,
        "lower": 0.6 if held else None,
        "bar": 0.9,
        "met": False,
        "more": 30,
    }
    document = {
        "workflow": name, "executions": 10, "examined": 10, "level": listed["level"], "observed": observed,
        "contract": {"name": name, "level": 3, "steps": {"a": {}}} if held else None, "mermaid": "flowchart TD" if held else None,
        "conformance": listed["conformance"], "fitness": 0.95 if held else None, "precision": 0.8 if held else None,
        "unchecked_outputs": 2, "deviations": [broken] if held else [],
        "variants": [{"steps": ["a", name], "count": 9, "share": 0.9, "failed": 1, "deviating": 1, "examples": ["0" * 32]}],
        "graph": {"nodes": nodes, "edges": edges},
        "weeks": [{"week": "2026-W47", **listed["conformance"], "distance": None}, {"week": "2026-W48", **listed["conformance"], "distance": 0.2}],
        "readiness": {"ready": False if held else None, "next_level": 4 if held else None, "reason": name, "bounds": [bound]},
    }  # fmt: skip
    return {"workflows": {"executions": 10, "examined": 10, "workflows": [listed]}, f"workflows/{name}": document}


def _drift(words: str, *, known: bool) -> dict:
    """Three buckets of each dimension, the failure share growing; without `known` nothing is known of any."""

    def bucket(at: int) -> dict:
        share = 0.05 * (at + 1)
        shares = {"success": 1 - 2 * share, "failure": share} if known else {"success": None, "failure": None}
        ends = {f"{name}_{end}": value and value * by for name, value in shares.items() for end, by in _ENDS}
        counts = {"n": 100 - at, "known": 90 - at if known else 0, "succeeded": 80 - at, "failed_here": 4 + at}
        return {"bucket": f"{words} {at + 1}", "start": at + 1, **counts, **shares, **ends}

    trend = {"direction": "rises", "p_value": 0.01, "words": f"the failure share rises, {words}"}
    dimensions = [
        {"by": by, "words": f"{words} {by}", "buckets": [bucket(at) for at in range(3)], "unplaced": 2, "trend": trend}
        for by in ("turn", "calls", "context")
    ]
    return {"executions": 100, "known": 90 if known else 0, "failed": 20, "dimensions": dimensions}


def _actions(executions: list[dict], *, hostile: bool) -> dict:
    """Four actions: of the hostile ones nothing is known but texts."""
    rows = [
        {
            "action": HOSTILE[at] if hostile else "send_external_email",
            "risk_level": None if hostile else "log",
            "rule": HOSTILE[1] if hostile else "mail outside",
            "ran": at % 2 == 0,
            "gated": None,
            "approval_id": None,
            "execution_id": execution["execution_id"],
            "step_id": f"{at + 1:016x}",
            "started_at": None if hostile else execution["started_at"],
            "task_type": None if hostile else execution["task_type"],
            "release": None if hostile else execution["release"],
            "agent": None if hostile else execution["agent"],
            "status": "ok",
            "arguments": HOSTILE[at] if hostile else {"to": f"customer-{at}@example.com", "amount": 40.5},
            "review": HOSTILE[2] if hostile and at == 1 else None,
        }
        for at, execution in enumerate(executions[:4])
    ]
    counts = {"actions": 90, "blocked": 4, "ungated": 4, "gated": 3, "logged": 4, "automatic": 70, "unknown": 5}
    judged = 0 if hostile else len(executions) - 5
    return {
        "executions": len(executions),
        "judged": judged,
        "counts": counts,
        "kind": "blocked",
        "total": 4,
        "actions": rows,
    }


def _tools(right: str, wrong: str, task_type: str, *, labelled: bool) -> dict:
    """Two tools, one of which was chosen in place of the other; a third was right and never chosen."""
    figure = {"value": 0.8, "lower": 0.6, "upper": 0.9, "n": 100, "known": 40, "reason": None}
    nothing = {"value": None, "lower": None, "upper": None, "n": 100, "known": 0, "reason": "nobody said the order"}
    names = ("tool_selection_accuracy", "tool_recall_name", "tool_precision_name", "tool_precision_arguments")
    figures = {**dict.fromkeys(names, figure), "tool_order_match": nothing}
    table = [
        {
            "tool": tool, "calls": 30, "executions": 20, "ended": 30, "errors": 3, "error_rate": 0.1,
            "error_rate_lower": 0.03, "error_rate_upper": 0.26, "retries": 2, "latency_p50_ms": 120.0,
            "latency_p95_ms": None, "cost_usd": None, "asked_cost_usd": 0.0123,
        }
        for tool in (right, wrong)
    ]  # fmt: skip
    pairs = [(right, right, 25), (right, wrong, 5), ("(no tool)", wrong, 2), (right, "(no tool)", 1)]
    cells = [{"expected": a, "chosen": b, "count": count, "executions": count} for a, b, count in pairs]
    return {
        "executions": 100,
        "expectations": {"code": {"executions": 40, "unjudged": 0}} if labelled else {"none": {"executions": 100}},
        "metrics": figures,
        "by_task_type": [{"task_type": task_type, "metrics": figures}],
        "confusion": cells,
        "never_chosen": [{"tool": "no_such_tool", "expected": 4}],
        "unknown": ["no_such_tool"],
        "needless": [{"tool": wrong, "calls": 2, "executions": 2}],
        "tools": table,
    }


def _decisions(action: str, reviewer: str) -> dict:
    """Twelve requests, ten decided, by one reviewer who reads little."""
    share = {"value": 0.9, "numerator": 9, "denominator": 10, "lower": 0.6, "upper": 0.98}
    nothing = {"value": None, "numerator": 0, "denominator": 0, "lower": None, "upper": None}
    figures = {
        **dict.fromkeys(("approval_rate", "edit_rate", "expired_share", "decided_in_time", "unused_share"), share),
        "approved_then_failed": nothing,
        "requests": 12, "decided": 10, "pending": 1, "expired": 1, "cancelled": 0, "seconds_p50": 12.5, "seconds_p95": 90.0,
    }  # fmt: skip
    voted = {"reviewer": reviewer, "decisions": 10, "approval_rate": share, "fast_share": share, "seconds_p50": 2.0}
    return {
        **figures,
        "by_action": [{"action": action, **figures}],
        "by_rule": [{"rule": None, **figures}],
        "without_execution": 3,
        "by_reviewer": [{**voted, "sign": "never says no"}],
        "by_week": [{"week": "2026-W47", **figures}],
        "notifications": {"delivered": 3, "undelivered": 2},
    }


def _grounding(executions: list[dict], *values: str) -> dict:
    """Of each execution one answer, some of them with these values; by the task types that there are."""
    counts = {"executions": 20, "checked": 18, "with_values": 10, "ungrounded": 2}
    rate = {"rate": 0.2, "lower": 0.06, "upper": 0.51, "reason": None}
    names = ("execution_id", "started_at", "task_type", "agent", "success")
    latest = [
        {name: row[name] for name in names} | {"checked": 9, "ungrounded": list(values)} for row in executions[:3]
    ]
    groups = [{"task_type": row["task_type"], **counts, **rate} for row in executions[:2]]
    return {**counts, **rate, "by_task_type": groups, "latest": latest}


def _compare(name: str, diff: str, words: str) -> dict:
    """Two sides; one prompt changed, one tool came, every metric moved."""
    side = {"name": name, "kind": "release", "executions": 40, "configurations": [{"configuration_id": "ab" * 16}]}
    changes = [
        {"part": "prompt", "name": name, "kind": "changed", "before": "a", "after": "b", "diff": diff},
        {"part": "tool", "name": name, "kind": "added", "before": None, "after": name, "diff": name},
    ]
    moved = {"value": 0.8, "n": 40, "previous": {"value": 0.75, "n": 30}, "change": {"words": words}}
    return {
        "before": side,
        "after": side,
        "changes": changes,
        "metrics": dict.fromkeys(UNITS, moved),
        "warnings": [f"release {name} ran 2 configurations: its figures mix them"],
    }


_ENDS = (("lower", 0.8), ("upper", 1.1))
STORES = {"empty": empty, "small": small, "odd": odd}


@contextmanager
def serve(store: Store, *, port: int = 0, token: str | None = None) -> Iterator[str]:
    """Serves the store on loopback and gives its address."""
    handler = type("Handler", (_Handler,), {"store": store, "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    store: Store
    token: str | None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        return

    def do_GET(self):
        address = urlsplit(self.path)
        if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            self._send(401, {"title": "No token", "detail": "this sidecar asks for a token", "status": 401})
            return
        found = self._answer(address.path.removeprefix("/api/v1/").split("/"), parse_qs(address.query))
        self._send(200, found) if found is not None else self._send(
            404, {"title": "No such execution", "detail": f"nothing is stored under {address.path}", "status": 404}
        )

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for row in self.store.more.get("actions", {}).get("actions", ()):
            if (row["execution_id"], row["step_id"]) == (said["execution_id"], said["step_id"]):
                row["review"] = said["label"]
        self._send(201, said)

    def _answer(self, path, query):  # noqa: PLR0911  # one return an address
        match path:
            case ["executions"]:
                return self._page(query)
            case ["executions", execution_id]:
                return self.store.documents.get(execution_id)
            case ["executions", execution_id, "steps", step_id]:
                fields = self.store.contents.get((execution_id, step_id))
                return None if fields is None else {"step_id": step_id, "fields": fields}
            case ["metrics"]:
                groups = self.store.metrics.get(query.get("by", [""])[-1], [])
                return {"since": None, "until": None, "by": query.get("by", []), "groups": groups}
            case ["failures"]:
                none = {"by": query["by"][-1], "failed": 0, "executions": 0, "groups": []}
                return self.store.failures.get(query["by"][-1], none)
            case ["filters"]:
                return self.store.filters
            case ["workflows" | "approvals", *_]:
                return self.store.more.get(unquote("/".join(path)))
            case [name]:
                return self.store.more.get(name)
        return None

    def _page(self, query):
        rows = self.store.executions
        for name in ("purpose", "release", "task_type", "agent", "environment", "status", "failure_kind", "session_id"):
            if name in query and "all" not in query[name]:
                rows = [row for row in rows if row[name] in query[name]]
        for name in ("failing_step", "failing_path"):
            if name in query:
                rows = [row for row in rows if (row["failing_step_path"] or "") in query[name]]
        if "success" in query:
            wanted = [{"true": True, "false": False, "unknown": None}[value] for value in query["success"]]
            rows = [row for row in rows if row["success"] in wanted]
        if "query" in query:
            rows = [row for row in rows if query["query"][0].lower() in (row["input"] or "").lower()]
        column, _, direction = query.get("order", ["started_at:desc"])[0].partition(":")
        rows = sorted(
            rows, key=lambda row: (row.get(column) is None, row.get(column) or 0), reverse=direction == "desc"
        )
        start, limit = int(query.get("cursor", ["0"])[0]), int(query.get("limit", ["50"])[0])
        more = start + limit < len(rows)
        return {
            "executions": rows[start : start + limit],
            "total": len(rows),
            "next_cursor": str(start + limit) if more else None,
        }

    def _send(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with serve(STORES[sys.argv[1]](), port=int(sys.argv[2])) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        threading.Event().wait()
