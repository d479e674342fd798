"""A request for approval as lines for people. Pure; control characters of somebody's text are made visible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_EVIDENCE_SHOWN: Final = 3
_TEXT_SHOWN: Final = 600


def row(item: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """One line of the list."""
    now = now or datetime.now(UTC)
    pending = item["state"] == "pending"
    return {
        **item,
        "age": span(now, _time(item["created_at"])),
        "left": span(_time(item["expires_at"]), now) if pending else None,
        "summary": item["summary"],
    }


def request_text(item: Mapping[str, Any]) -> str:
    """One request whole."""
    lines = [
        f"{item['action']}  [{item['state']}]  {item['summary'] or ''}",
        *_facts(item),
        "arguments:",
        *_json(item["arguments"]),
        *(["edited to:", *_json(item["edited_arguments"])] if item["edited_arguments"] is not None else []),
        *_evidence(item["evidence"]),
        *(f"  {vote['reviewer']} said {vote['decision']}{_because(vote['notes'])}" for vote in item["votes"]),
    ]
    return "\n".join(_visible(line) for line in lines)


def span(later: datetime, earlier: datetime) -> str:
    """A length of time in its two largest units: `2h 05m`."""
    seconds = max(int((later - earlier).total_seconds()), 0)
    if seconds < 60:
        return f"{seconds}s"
    minutes, hours = seconds // 60, seconds // 3600
    if hours < 1:
        return f"{minutes}m"
    return f"{hours}h {minutes % 60:02}m" if hours < 48 else f"{hours // 24}d {hours % 24}h"


def _facts(item: Mapping[str, Any]) -> list[str]:
    shown = {
        "id": item["approval_id"],
        "version": item["version"],
        "risk": f"{item['risk_level']}, by rule {item['rule'] or '-'}",
        "agent": item["agent"],
        "task": item["task_id"] or item["task_type"],
        "release": item["release"],
        "execution": item["execution_id"],
        "requester": item["requester"],
        "reviewers": ", ".join(item["reviewers"]) or "any",
        "quorum": item["quorum"] if item["quorum"] > 1 else None,
        "created": item["created_at"],
        "expires": item["expires_at"],
        "decided": f"{item['decided_at']} by {item['decided_by']}" if item["decided_by"] else None,
        "reason": item["notes"],
    }
    return [f"  {name:<10} {value}" for name, value in shown.items() if value is not None]


def _evidence(pieces: list[Mapping[str, Any]]) -> list[str]:
    if not pieces:
        return ["no evidence was sent"]
    lines = [f"evidence ({min(len(pieces), _EVIDENCE_SHOWN)} of {len(pieces)}):"]
    for piece in pieces[:_EVIDENCE_SHOWN]:
        score = "no score" if piece["score"] is None else f"score {piece['score']:.3g}"
        lines += [f"  {piece['source'] or '-'} ({score})", f"    {(piece['text'] or '')[:_TEXT_SHOWN]}"]
    return lines


def _json(value: object) -> list[str]:
    return [f"  {line}" for line in json.dumps(value, indent=2, ensure_ascii=False).splitlines()]


def _because(notes: str | None) -> str:
    return f": {notes}" if notes else ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text[:19] + "+00:00")


def _visible(line: str) -> str:
    return "".join(letter if letter.isprintable() else "·" for letter in line)
