"""`whichstep judge`: a second opinion on failing steps, by the model that the sidecar's settings name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from whichstep_cli import output
from whichstep_cli.client import Client, Document
from whichstep_cli.errors import UsageError
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_SURE: Final = 0.6
_PAGE: Final = 200
_ENDS: Final = ("budget", "failed")
_COLUMNS: Final = {
    "execution_id": "execution",
    "status": "status",
    "rules": "rules say",
    "judge": "judge says",
    "kind": "kind",
    "confidence": "confidence",
    "agrees": "agree",
    "detail": "",
}


@app.command()
@takes_options
def judge(
    source: SourceOptions,
    filters: FilterOptions,
    *,
    execution_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The execution; without one, those that match the filters.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most executions to judge.")] = 20,
    sure: Annotated[
        bool, typer.Option("--sure/--unsure", help="Judge failures too whose failing step the rules are sure of.")
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Ask a model for a second opinion on failing steps, where one is set; texts go to WHICHSTEP_JUDGE_ENDPOINT.

    For example: whichstep judge 3f2b8c11 · whichstep judge --since 24h --limit 50
    """
    pairs = filters.pairs()
    if execution_id and pairs:
        raise UsageError("give an ID or filters, not both")
    with open_source(source) as client:
        ids = [execution_id] if execution_id else _unsure(client, pairs, limit=limit, sure=sure)
        judged = list(_judged(client, ids))
        if format is Format.JSON:
            return output.write_json(judged[0] if execution_id else {"asked": len(ids), "judged": judged})
        _write(judged, asked=len(ids))
        return say_when_empty(client, pairs, found=bool(ids))


def _unsure(client: Client, pairs: Sequence[tuple[str, str]], *, limit: int, sure: bool) -> list[str]:
    """Failed executions, newest first; page by page until there are enough."""
    found: list[str] = []
    cursor: str | None = None
    while len(found) < limit:
        page = [("success", "false"), ("limit", str(_PAGE)), *([("cursor", cursor)] if cursor else [])]
        document = client.get("/api/v1/executions", [*pairs, *page])
        found += [str(row["execution_id"]) for row in document["executions"] if sure or not _is_sure(row)]
        cursor = document["next_cursor"]
        if cursor is None:
            break
    return found[:limit]


def _is_sure(execution: Document) -> bool:
    return execution["failing_step_id"] is not None and (execution["failure_confidence"] or 0) >= _SURE


def _judged(client: Client, ids: Sequence[str]) -> Iterator[Document]:
    """What came of each, one after the other, up to the first for which there was no budget or no answer."""
    with output.progress("judging", len(ids)) as bar:
        for execution_id in ids:
            document = client.post(f"/api/v1/executions/{quote(execution_id, safe='')}/judge", {})
            bar.advance(bar.task_ids[0])
            yield document
            if document["status"] in _ENDS:
                return


def _write(judged: Sequence[Document], *, asked: int) -> None:
    if judged:
        output.write_table(_COLUMNS, [_row(document) for document in judged])
        last = judged[-1]
        spent = f"{last['calls_today']:,} of {last['calls_per_day']:,} calls and ${last['cost_today_usd']:.4f} of "
        unpriced = last["unpriced_calls_today"]
        known = f"; the price of {unpriced:,} is not known" if unpriced else ""
        output.remark(f"today: {spent}${last['usd_per_day']:g}{known}")
    said = [document["agrees"] for document in judged if document["agrees"] is not None]
    output.remark(f"judged {len(said):,} of {asked:,}; rules and judge agree on {sum(said):,} of {len(said):,}")


def _row(document: Document) -> dict[str, Any]:
    verdict = document["verdict"] or {}
    return {
        **document,
        "rules": document["rules"]["failing_step_id"] or "none",
        "judge": (verdict.get("step_id") or "none") if verdict else None,
        "kind": verdict.get("kind"),
        "confidence": verdict.get("confidence"),
    }
