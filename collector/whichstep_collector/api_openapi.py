"""The OpenAPI document of the API, written from its routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from whichstep.attributes import RISK_LEVELS
from whichstep_collector.gate import ANYBODY, Entry
from whichstep_store.approvals import DECISIONS
from whichstep_store.filters import FILTER_NAMES
from whichstep_store.ledger_approvals import FILTERS as APPROVAL_FILTERS

_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "/api/v1/executions": (*FILTER_NAMES, "limit", "cursor", "order"),
    "/api/v1/metrics": (*FILTER_NAMES, "by"),
    "/api/v1/failures": (*FILTER_NAMES, "by"),
    "/api/v1/actions": (*FILTER_NAMES, "kind", "limit"),
    "/api/v1/drift": (*FILTER_NAMES, "by"),
    "/api/v1/compare": (*FILTER_NAMES, "before", "after"),
    "/api/v1/grounding": (*FILTER_NAMES, "limit"),
    "/api/v1/tools": FILTER_NAMES,
    "/api/v1/filters": FILTER_NAMES,
    "/api/v1/approvals": (*APPROVAL_FILTERS, "limit", "cursor"),
    "/api/v1/approvals/{id}": ("wait",),
    "/api/v1/workflows": FILTER_NAMES,
    "/api/v1/workflows/{name}": (*FILTER_NAMES, "success_bar", "conformance_bar"),
    "/api/v1/workflows/{name}/proposal": (*FILTER_NAMES, "support", "level"),
}
_REQUEST_TEXTS: Final = (
    "approval_id", "execution_id", "step_id", "action", "arguments_digest", "summary", "rule", "policy_digest",
    "agent", "task_type", "release", "environment", "task", "requester",
)  # fmt: skip
_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/api/v1/query": {
        "sql": {"type": "string"},
        "name": {"type": "string"},
        "parameters": {"type": "object"},
        "row_limit": {"type": "integer"},
    },
    "/api/v1/evaluations": {
        "execution_id": {"type": "string"},
        "step_id": {"type": "string"},
        "name": {"type": "string"},
        "score": {"type": "number"},
        "label": {"type": "string"},
        "explanation": {"type": "string"},
        "source": {"enum": ["HUMAN", "LLM", "CODE"]},
        "sampled_by": {"type": "string"},
        "inclusion_probability": {"type": "number"},
    },
    "/api/v1/workflows": {
        "name": {"type": "string"},
        "level": {"enum": [1, 2, 3, 4]},
        "mode": {"enum": ["enforce", "observe"]},
        **{name: {"type": ["string", "array"]} for name in ("start", "ignore", "tools")},
        "retries": {"type": "integer"},
        **{name: {"type": "object"} for name in ("steps", "budgets")},
        **{name: {"type": "array"} for name in ("rules", "checkpoints")},
    },
    "/api/v1/expectations": {
        "execution_id": {"type": "string"},
        "task_type": {"type": "string"},
        "tools": {"type": "array", "items": {"type": "string"}},
        "ordered": {"type": "boolean"},
        "any_of": {"type": "array"},
        "allow_extra": {"type": "boolean"},
        "arguments": {"type": "object"},
        "escalation": {"type": "boolean"},
    },
    "/api/v1/approvals": {
        **{name: {"type": "string"} for name in _REQUEST_TEXTS},
        "arguments": {"type": "object"},
        "arguments_schema": {"type": "object"},
        "evidence": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "source": {"type": "string"},
                    "text": {"type": "string"},
                    "score": {"type": "number"},
                    "step_id": {"type": "string"},
                },
            },
        },
        "risk_level": {"enum": list(RISK_LEVELS)},
        "expires_in_seconds": {"type": "number", "exclusiveMinimum": 0},
        "reviewers": {"type": "array", "items": {"type": "string"}},
        "quorum": {"type": "integer", "minimum": 1},
        "requester_may_review": {"type": "boolean"},
    },
    "/api/v1/approvals/{id}/decision": {
        "decision": {"enum": list(DECISIONS)},
        "reason": {"type": "string"},
        "notes": {"type": "string"},
        "arguments": {"type": "object"},
        "version": {"type": "integer"},
    },
    "/api/v1/approvals/{id}/consume": {"arguments_digest": {"type": "string"}, "consumer": {"type": "string"}},
}  # fmt: skip


def openapi_document(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return the document for these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for entry in (found._replace(path=found.path.replace(":path}", "}")) for found in entries):
        paths.setdefault(entry.path, {})[entry.methods[0].lower()] = _operation(entry)
    return {
        "openapi": "3.1.0",
        "info": {"title": "whichstep", "version": _version(), "description": "Which step failed?"},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(entry: Entry) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": entry.sentence,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
              for name in re.findall(r"{(\w+)}", entry.path)),
            *({"name": name, "in": "query", "schema": {"type": "string"}} for name in _query_parameters(entry)),
        ],
        "responses": {
            "2XX": {"description": "The answer; its shape is in ARCHITECTURE.md, Answers."},
            "default": {"description": "A problem document (RFC 9457).", "content": {"application/problem+json": {}}},
        },
        "security": [] if ANYBODY in entry.allowed else [{"token": sorted(entry.allowed)}],
    }  # fmt: skip
    if entry.path in _BODIES and entry.methods[0] == "POST":
        schema = {"type": "object", "properties": _BODIES[entry.path], "additionalProperties": False}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _query_parameters(entry: Entry) -> tuple[str, ...]:
    asks = entry.methods[0] == "GET" or entry.path == "/api/v1/workflows"  # a contract is posted with the question
    return _PARAMETERS.get(entry.path, ()) if asks else ()


def _version() -> str:
    try:
        return version("whichstep")
    except PackageNotFoundError:  # run from the source tree
        return "0"
