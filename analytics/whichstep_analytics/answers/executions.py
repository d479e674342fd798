"""The list of executions, and one execution explained."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final, NamedTuple

from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.answers.grounded import grounding_of
from whichstep_analytics.answers.opinion import second_opinion
from whichstep_analytics.summary import summary
from whichstep_store.filters import NANOSECONDS, FilterError, Filters, parse_time
from whichstep_store.reader import Reader

ORDERS: Final = ("started_at", "latency_ms", "cost_usd", "total_tokens", "step_count", "error_count")
LIMIT_MAX: Final = 1_000
CANDIDATES_MAX: Final = 10
_HEX_PREFIX: Final = re.compile(r"[0-9a-f]{6,32}")
# A step may have been stamped by a clock that is behind the one of its execution's root.
_CLOCK_SLACK: Final = 3_600 * NANOSECONDS


class Order(NamedTuple):
    """What a list is sorted by."""

    column: str
    descending: bool


class Cursor(NamedTuple):
    """The last row of the page before: its sort key and its id."""

    key: int
    execution_id: str


def list_executions(reader: Reader, filters: Filters, *, limit: int, cursor: str | None, order: str) -> Document:
    """One page; `total` counts all that match, `next_cursor` is null on the last page."""
    if not 1 <= limit <= LIMIT_MAX:
        raise FilterError(f"limit is {limit}; it is from 1 to {LIMIT_MAX}")
    sorting = parse_order(order)
    after = parse_cursor(cursor) if cursor else None
    parameters = {
        **filters.parameters(),
        "order": sorting.column,
        "descending": sorting.descending,
        "after_key": after.key if after else None,
        "after_id": after.execution_id if after else None,
        "limit": limit + 1,
    }
    rows = documents(frame(reader.query("executions_list", parameters)), parsed=("metadata", "expectation"))
    page, more = rows[:limit], len(rows) > limit
    keys = [row.pop("page_key") for row in page]
    total = reader.query("executions_count", filters.parameters()).column("total")[0].as_py()
    following = write_cursor(Cursor(keys[-1], page[-1]["execution_id"])) if more else None
    return {"executions": page, "total": total, "next_cursor": following}


def parse_order(text: str) -> Order:
    """`cost_usd:desc`, or a column alone for descending. Raises FilterError for any other."""
    column, _, direction = text.partition(":")
    if column not in ORDERS or direction not in ("", "asc", "desc"):
        raise FilterError(f"order is {text!r}; write one of {', '.join(ORDERS)}, then :asc or :desc")
    return Order(column, descending=direction != "asc")


def write_cursor(cursor: Cursor) -> str:
    """The cursor as text for a URL; its content is nobody else's business."""
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """A cursor that `write_cursor` wrote. Raises FilterError for any other text."""
    try:
        key, execution_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(int(key), bytes.fromhex(execution_id).hex())
    except (binascii.Error, ValueError, TypeError) as error:
        raise FilterError("the cursor is damaged; take next_cursor from the page before") from error


def resolve(reader: Reader, text: str) -> str | None:
    """The id of the execution that a text means: an id or its first digits, a former id, a trace, an external id.

    Raises:
        FilterError: several executions are meant.
    """
    digits = text.strip().lower().replace("-", "")
    is_hex = _HEX_PREFIX.fullmatch(digits)
    parameters = {
        "text": text,
        "first": digits.ljust(32, "0") if is_hex else None,
        "last": digits.ljust(32, "f") if is_hex else None,
    }
    found = [str(value) for value in reader.query("execution_ids", parameters).column("execution_id").to_pylist()]
    if len(found) > 1 and digits not in found:
        more = " and more" if len(found) > CANDIDATES_MAX else ""
        raise FilterError(
            f"{text!r} means several executions: {', '.join(found[:CANDIDATES_MAX])}{more}; give all digits"
        )
    return digits if digits in found else next(iter(found), None)


def explain(reader: Reader, text: str) -> Document | None:
    """One execution with its steps, suspects, evaluations, and what happened in words; None where there is none."""
    execution_id = resolve(reader, text)
    if execution_id is None:
        return None
    parsed = ("metadata", "suspects", "expectation")
    rows = documents(frame(reader.query("execution_one", {"execution_id": execution_id})), parsed=parsed)
    if not rows:
        return None  # removed by retention between the two questions
    execution = rows[0]
    since = max(0, parse_time(execution["started_at"], now=0) - _CLOCK_SLACK)
    steps = documents(frame(reader.query("execution_steps", {"execution_id": execution_id, "since": since})))
    evaluations = documents(frame(reader.query("execution_evaluations", {"execution_id": execution_id})))
    held = frame(reader.query("execution_conformance", {"execution_id": execution_id}))
    conformance = next(iter(documents(held, parsed=("deviations",))), None)
    return document(
        execution, steps, evaluations, grounding=grounding_of(reader, execution_id), conformance=conformance
    )


def document(
    execution: Document,
    steps: list[Document],
    evaluations: list[Document],
    *,
    grounding: Document | None = None,
    conformance: Document | None = None,
) -> Document:
    """The document of `executions show --format json`; its schema is `execution_schema.json`."""
    numbered = [{"step": step["position"], **step} for step in steps]
    by_id = {step["step_id"]: step for step in numbered}
    whole = {
        **execution,
        "suspects": execution.get("suspects") or [],
        "steps": numbered,
        "evaluations": evaluations,
        "grounding": grounding,
        "conformance": conformance,
        "judge": second_opinion(evaluations, by_id, execution["failing_step_id"]),
        "failing_step": by_id.get(execution["failing_step_id"]),
        "cause_step": by_id.get(execution["cause_step_id"]),
        "final_output": execution["output"],
        "total_latency_ms": execution["latency_ms"],
        "total_cost_usd": execution["cost_usd"],
    }
    return {**whole, "summary": summary(whole)}
