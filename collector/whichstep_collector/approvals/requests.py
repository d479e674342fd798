"""Bodies of the approvals API, read and checked. Pure: bytes in, values out; what is wrong is said in words.

Arguments arrive as JSON; the digest that binds them is over all of them in canonical form (sorted keys, no blanks),
made by the agent, which alone has them whole, or here where it sends none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from whichstep.attributes import RISK_LEVELS, execution_id_of
from whichstep_collector.api_query import json_object
from whichstep_collector.refusals import BAD_REQUEST, Refused
from whichstep_store.approvals import APPROVE, DECISIONS, EDIT, PENDING, Approval

EXPIRES_IN_SECONDS_MAX: Final = 366 * 86_400.0
EVIDENCE_MAX: Final = 20
_ID: Final = re.compile(r"[A-Za-z0-9_.:~-]{1,128}")
_STEP_ID: Final = re.compile(r"[0-9a-f]{16}")
_DIGEST: Final = re.compile(r"[0-9a-f]{16,128}")
_TEXTS: Final = {
    "approval_id": 128, "execution_id": 256, "step_id": 16, "action": 200, "arguments_digest": 128, "summary": 1000,
    "rule": 500, "policy_digest": 128, "agent": 200, "task_type": 200, "release": 200, "environment": 200,
    "task": 500, "requester": 200, "risk_level": 16,
}  # fmt: skip
_EVIDENCE_TEXTS: Final = {"source": 500, "text": 16_384, "step_id": 16}
_CREATE: Final = frozenset({
    *_TEXTS, "arguments", "arguments_schema", "evidence", "expires_in_seconds", "reviewers", "quorum",
    "requester_may_review",
})  # fmt: skip
_DECIDE: Final = frozenset({"decision", "reason", "notes", "arguments", "version"})
_CONSUME: Final = frozenset({"arguments_digest", "consumer"})


class Creation(NamedTuple):
    """A request as an agent states it; `expires_in_seconds` is None where it leaves that to the policy."""

    approval: Approval
    arguments: Mapping[str, Any]
    expires_in_seconds: float | None


class Wish(NamedTuple):
    """A reviewer's word as it came."""

    decision: str
    notes: str | None
    arguments: Mapping[str, Any] | None
    version: int | None


class Use(NamedTuple):
    """An agent's word that it runs the action now."""

    arguments_digest: str
    consumer: str | None


def parse_creation(body: bytes, *, created_by: str, clean: Callable[[str], str] = str) -> Creation:
    """Read a request; `clean` takes secrets out of what people will see.

    Raises:
        Refused: BAD_REQUEST, with what is wrong.
    """
    document = json_object(body, _CREATE)
    texts = {key: text(document, key, length) for key, length in _TEXTS.items()}
    action = texts["action"]
    if not action:
        raise Refused(BAD_REQUEST, '"action" is needed: the name of what is to run')
    arguments = _object(document, "arguments") or {}
    schema = _object(document, "arguments_schema")
    execution_id, step_id = texts["execution_id"], texts["step_id"]
    approval = Approval(
        approval_id=_matching(texts["approval_id"], _ID, "approval_id") or secrets.token_hex(16),
        execution_id=execution_id and execution_id_of(execution_id),
        step_id=_matching(step_id, _STEP_ID, "step_id"),
        state=PENDING,
        action=action,
        arguments=clean(_json(arguments)),
        evidence=clean(_json(_evidence(document))),
        summary=clean(texts["summary"] or _composed(action, texts["agent"])),
        risk_level=_one_of(texts["risk_level"], RISK_LEVELS, "risk_level") or APPROVE,
        rule=texts["rule"],
        policy_digest=texts["policy_digest"],
        agent=texts["agent"],
        task_type=texts["task_type"],
        release=texts["release"],
        created_at=0,
        expires_at=0,
        environment=texts["environment"],
        task_id=texts["task"],
        requester=texts["requester"],
        created_by=created_by or None,
        arguments_digest=_matching(texts["arguments_digest"], _DIGEST, "arguments_digest") or digest(arguments),
        arguments_schema=None if schema is None else _json(schema),
    )
    stated = {
        "risk_level": texts["risk_level"],
        "rule": approval.rule,
        "policy_digest": approval.policy_digest,
        "reviewers": _names(document),
        "quorum": whole(document, "quorum", 1, 100) or 1,
        "requester_may_review": _flag(document, "requester_may_review"),
    }
    return Creation(dataclasses.replace(approval, stated=_json(stated)), arguments, _seconds(document))


def parse_wish(body: bytes) -> Wish:
    """Read a decision.

    Raises:
        Refused: BAD_REQUEST, with what is wrong.
    """
    document = json_object(body, _DECIDE)
    decision = _one_of(text(document, "decision", 16), DECISIONS, "decision")
    if decision is None:
        raise Refused(BAD_REQUEST, '"decision" is approve, reject or edit')
    arguments = _object(document, "arguments")
    if (decision == EDIT) != (arguments is not None):
        raise Refused(BAD_REQUEST, '"arguments" goes with the decision edit, and edit needs it: all of them, changed')
    notes = text(document, "reason", 16_384) or text(document, "notes", 16_384)
    return Wish(decision, notes, arguments, whole(document, "version", 1, 1 << 31))


def parse_use(body: bytes) -> Use:
    """Read a consumption.

    Raises:
        Refused: BAD_REQUEST, with what is wrong.
    """
    document = json_object(body, _CONSUME)
    given = _matching(text(document, "arguments_digest", 128), _DIGEST, "arguments_digest")
    if given is None:
        raise Refused(BAD_REQUEST, '"arguments_digest" is needed: of the arguments that will run')
    return Use(given, text(document, "consumer", 128))


def digest(arguments: Mapping[str, Any]) -> str:
    """Return 64 hex digits over the canonical form of arguments, as the SDK makes them."""
    canonical = json.dumps(arguments, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def text(document: Mapping[str, Any], key: str, length_max: int) -> str | None:
    """Return a text of a document; None where it is empty or not there."""
    value = document.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > length_max):
        raise Refused(BAD_REQUEST, f'"{key}" is text of at most {length_max:,} characters')
    return value or None


def whole(document: Mapping[str, Any], key: str, low: int, high: int) -> int | None:
    """Return a whole number of a document; None where it is not there."""
    value = document.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(BAD_REQUEST, f'"{key}" is a whole number from {low} to {high}')
    return value


def _object(document: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    value = document.get(key)
    if value is not None and not isinstance(value, dict):
        raise Refused(BAD_REQUEST, f'"{key}" is a JSON object')
    return value


def _evidence(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    pieces = document.get("evidence") or []
    if not isinstance(pieces, list) or len(pieces) > EVIDENCE_MAX:
        raise Refused(BAD_REQUEST, f'"evidence" is an array of at most {EVIDENCE_MAX} pieces')
    return [_piece(piece) for piece in pieces]


def _piece(piece: Any) -> dict[str, Any]:
    if not isinstance(piece, dict) or piece.keys() - {*_EVIDENCE_TEXTS, "score"}:
        raise Refused(BAD_REQUEST, 'a piece of "evidence" is an object with source, text, score and step_id')
    score = piece.get("score")
    if score is not None and (
        not isinstance(score, int | float) or isinstance(score, bool) or not math.isfinite(score)
    ):
        raise Refused(BAD_REQUEST, 'the "score" of a piece of evidence is a number')
    return {**{key: text(piece, key, length) for key, length in _EVIDENCE_TEXTS.items()}, "score": score}


def _seconds(document: Mapping[str, Any]) -> float | None:
    value = document.get("expires_in_seconds")
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= EXPIRES_IN_SECONDS_MAX:
        raise Refused(BAD_REQUEST, '"expires_in_seconds" is a number above 0, of at most 366 days')
    return float(value)


def _names(document: Mapping[str, Any]) -> list[str]:
    value = document.get("reviewers") or []
    if not isinstance(value, list) or len(value) > 100 or not all(isinstance(name, str) and name for name in value):
        raise Refused(BAD_REQUEST, '"reviewers" is an array of at most 100 names')
    return value


def _flag(document: Mapping[str, Any], key: str) -> bool:
    value = document.get(key, True)
    if not isinstance(value, bool):
        raise Refused(BAD_REQUEST, f'"{key}" is true or false')
    return value


def _matching(value: str | None, pattern: re.Pattern[str], key: str) -> str | None:
    if value is not None and not pattern.fullmatch(value):
        raise Refused(BAD_REQUEST, f'"{key}" does not have its form, {pattern.pattern}')
    return value


def _one_of(value: str | None, known: tuple[str, ...], key: str) -> str | None:
    if value is not None and value not in known:
        raise Refused(BAD_REQUEST, f'"{key}" is one of {", ".join(known)}')
    return value


def _composed(action: str, agent: str | None) -> str:
    return f"{agent or 'An agent'} asks to run {action}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
