"""What happened in a run, from the variant and the journals of model and tools, never from spans.

The form is that of the recordings which `captures` reads: `meta.json` with `ground_truth`.
"""

from __future__ import annotations

from typing import Any

from frameworks.framework import Framework
from frameworks.variants import Failing, Variant

_REPORTED = ("opentelemetry-sdk",)


def meta(
    framework: Framework, setup: str, variant: Variant, calls: list[dict[str, Any]], known: dict[str, Any]
) -> dict[str, Any]:
    """The document for one run: `calls` is the model's journal, `known` what the agent's process wrote."""
    prefix = framework.tool_prefix
    journal = [{**entry, "name": f"{prefix}{entry['name']}"} for entry in known["journal"]]
    return {
        "framework": framework.name,
        "instrumentation": setup,
        "variant": variant.name,
        "packages": _packages(framework, setup, known["packages"]),
        "python": known["python"],
        "ground_truth": {
            "task_success": variant.success,
            "run_status": "error" if known["error"] else "ok",
            "run_error": known["error"],
            "final_answer": known["answer"] or None,  # the limit leaves some with an empty text
            **{name: known[name] for name in ("session_id", "user_id", "user_input")},
            "expected_steps": _steps(framework, calls, journal),
            "executed_steps": [entry for entry in journal if entry["type"] in {"tool", "retrieval"}],
            "failing_steps": [_failing(step, prefix) for step in variant.failing],
            "retries": [{"tool": f"{prefix}{variant.retried}", "failed_occurrence": 1, "succeeded_occurrence": 2}]
            if variant.retried
            else [],
            "handoffs": [{"to": "refund_agent"}] if variant.hands_over else [],
            "approvals": [
                {"tool": entry["name"], "decision": entry["decision"]}
                for entry in journal
                if entry["type"] == "approval"
            ],
            "wrong_tool": variant.wrong_tool and {"chosen": variant.wrong_tool[0], "expected": variant.wrong_tool[1]},
            "max_iterations_hit": variant.loops,
            "earlier_turns": [words for _, words in variant.history],
            "llm_calls": calls,
            "tokens": _tokens(calls),
        },
    }


def _packages(framework: Framework, setup: str, installed: dict[str, str]) -> dict[str, str]:
    wanted = [*framework.requirements, *_REPORTED]
    wanted += [r for each in framework.setups if each.instrumentation == setup for r in each.requirements]
    names = {each.rsplit("@", 1)[0] if framework.node else _name(each) for each in wanted}
    return {name: installed[name] for name in sorted(names) if name in installed}


def _name(requirement: str) -> str:
    for end, letter in enumerate(requirement):
        if not (letter.isalnum() or letter in "-_."):
            return requirement[:end].lower().replace("_", "-")
    return requirement.lower().replace("_", "-")


def _steps(framework: Framework, calls: list[dict[str, Any]], journal: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps in order of time.

    What the model was asked again after a 429 is the one call that went through; a tool that only ends the run is none.
    """
    steps: list[tuple[int, dict[str, Any]]] = []
    for call in calls:
        if call["api"] == "embeddings" or call["status"] == 429:
            continue
        asked = [each["name"] for each in call["tool_calls"]]
        status = "ok" if call["status"] == 200 else f"http_{call['status']}"
        steps.append((call["time_ns"], {"type": "llm", "name": call["model"], "status": status, "asks_for": asked}))
        if framework.handoff.tool in asked:
            steps.append((call["time_ns"], {"type": "handoff", "name": framework.handoff.tool, "to": "refund_agent"}))
    for entry in journal:
        kept = {k: entry[k] for k in ("type", "name", "occurrence", "status", "error_type", "decision") if k in entry}
        steps.append((entry["time_ns"], kept))
    ordered = [step for _, step in sorted(steps, key=lambda pair: pair[0])]
    return [{"n": number, **step} for number, step in enumerate(ordered, 1)]


def _failing(step: Failing, prefix: str) -> dict[str, Any]:
    return {
        "type": step.type,
        "name": step.name and f"{prefix}{step.name}",
        "occurrence": step.occurrence,
        "error_type": step.error_type,
        "fatal": step.fatal,
    }


def _tokens(calls: list[dict[str, Any]]) -> dict[str, int]:
    answered = [call["usage"] for call in calls if call["api"] != "embeddings" and call["status"] == 200]
    embedded = [call["usage"]["input"] for call in calls if call["api"] == "embeddings"]
    return {
        "input": sum(usage["input"] for usage in answered),
        "output": sum(usage["output"] for usage in answered),
        "cached_input": sum(usage["cached"] for usage in answered),
        "embedding_input": sum(embedded),
    }
