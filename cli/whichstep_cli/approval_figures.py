"""`whichstep approvals figures`: what people decided, how fast, and what became of it."""

from __future__ import annotations

from typing import Any, Final

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

_SHARES: Final = {
    "approval_rate": "approved, with or without changes",
    "edit_rate": "approved with changes",
    "rejection_rate": "rejected",
    "expired_share": "expired before anybody decided",
    "decided_in_time": "decided within 30 s",
    "undelivered_share": "decided, and the agent never learned of it",
    "unused_share": "approved, and never used",
    "approved_then_error": "used, and the action failed",
    "approved_then_failed": "used, and the execution failed",
}
_COLUMNS: Final = {"figure": "figure", "value": "value", "interval": "95 % interval", "of": "of"}
_GROUP: Final = {
    "requests": "requests", "decided": "decided", "approved": "approved", "edited": "edited",
    "expired": "expired", "seconds": "median", "failed": "used, then failed",
}  # fmt: skip
_REVIEWERS: Final = {
    "reviewer": "reviewer", "decisions": "decisions", "approved": "approved", "seconds": "median", "fast": "under 3 s",
    "sign": "",
}  # fmt: skip


@takes_options
def figures(source: SourceOptions, filters: FilterOptions, format: FormatOption = Format.TEXT) -> None:  # noqa: A002
    """What people decided on held actions, how fast, by whom, and what became of it.

    For example: whichstep approvals figures --since 7d
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/approvals/figures", pairs)
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["requests"]))


def _write(document: Document) -> None:
    output.write_table(_COLUMNS, [_share(words, document[name]) for name, words in _SHARES.items()])
    p50, p95 = (_seconds(document[name]) for name in ("seconds_p50", "seconds_p95"))
    output.write_text(f"time to a decision: median {p50 or 'unknown'}, p95 {p95 or 'unknown'}")
    for by in ("action", "rule"):
        if document[f"by_{by}"]:
            output.write_text("")
            output.write_table({by: by, **_GROUP}, [_group(row) for row in document[f"by_{by}"]])
    if document["by_reviewer"]:
        output.write_text("")
        output.write_table(_REVIEWERS, [_reviewer(row) for row in document["by_reviewer"]])
    undelivered = document["notifications"]["undelivered"]
    if undelivered:
        output.write_text(f"! {undelivered:,} notifications never reached the webhook")
    if document["without_execution"]:
        output.remark(f"{document['without_execution']:,} further requests belong to no stored execution")
    output.remark(
        f"{document['decided']:,} of {document['requests']:,} requests were decided by a person;"
        f" {document['pending']:,} are pending, {document['cancelled']:,} were cancelled"
    )


def _share(words: str, share: dict[str, Any]) -> dict[str, Any]:
    return {
        "figure": words,
        "value": _percent(share["value"]),
        "interval": None if share["lower"] is None else f"{_percent(share['lower'])} to {_percent(share['upper'])}",
        "of": f"{share['numerator']:,} of {share['denominator']:,}",
    }


def _group(row: dict[str, Any]) -> dict[str, Any]:
    failed = row["approved_then_failed"]
    return {
        **row,
        "approved": _percent(row["approval_rate"]["value"]),
        "edited": _percent(row["edit_rate"]["value"]),
        "seconds": _seconds(row["seconds_p50"]),
        "failed": f"{failed['numerator']:,} of {failed['denominator']:,}" if failed["denominator"] else None,
    }


def _reviewer(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "approved": _percent(row["approval_rate"]["value"]),
        "seconds": _seconds(row["seconds_p50"]),
        "fast": _percent(row["fast_share"]["value"]),
        "sign": f"! {row['sign']}" if row["sign"] else None,
    }


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _seconds(value: float | None) -> str | None:
    if value is None or value < 1:
        return None if value is None else f"{value * 1000:.0f} ms"
    return f"{value:,.1f} s" if value < 120 else f"{value / 60:,.1f} min"
