"""Received spans and logs to rows: pure, and total: whatever a sender writes, a row comes out.

Per shape (the spans of a group with the same attribute names): the plan (`plan.py`) and the columns that say the same
in all of them (`shapes.py`). Per span: the other columns by look-up (`fields.py`), the step by the first dialect that
knows it (`dialects/`), failure and control flow (`failures.py`), texts by type (`steps.py`), then what was received
(`raw.py`). Facts of one span only: what needs the rest of the trace is the jobs' business.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, Final

import orjson

from whichstep import attributes as names
from whichstep_collector.dialects import Dialect
from whichstep_collector.dialects.base import Kind
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.coerce import HIDDEN
from whichstep_collector.normalising.columns import log_batch, span_batch
from whichstep_collector.normalising.contents import Contents
from whichstep_collector.normalising.escalation import brings_in_a_person
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.failures import read_failure
from whichstep_collector.normalising.identity import execution_key
from whichstep_collector.normalising.log_events import evaluation_row, event_span, log_row
from whichstep_collector.normalising.plan import Plan
from whichstep_collector.normalising.raw import put_raw
from whichstep_collector.normalising.shapes import Shape, shape_of, shapes_of
from whichstep_collector.normalising.sources import SourceFacts
from whichstep_collector.normalising.steps import FILLS, fill_task, put_rules
from whichstep_collector.normalising.telling import spans_told
from whichstep_collector.normalising.texts import SpanTexts
from whichstep_collector.normalising.told import HOSTED_KIND, turn_key
from whichstep_collector.received import Attributes, ReceivedLogs, ReceivedSpan, ReceivedTraces
from whichstep_store.batches import Batch

log = logging.getLogger(__name__)

KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES: Final = ("unset", "ok", "error")
_KINDS: Final = dict(enumerate(KINDS))
_STATUSES: Final = dict(enumerate(STATUSES))
_TIME_MAX: Final = 2**63 - 1
_SANE_FROM: Final = 10**12
"""ns since the epoch; less is seconds or milliseconds mistaken for nanoseconds."""
_AHEAD_MAX: Final = 24 * 3600 * 10**9
_MARKER_MAX: Final = max(map(len, HIDDEN))
_NO_LINK: Final = bytes(16)
_MODEL_CALL: Final = Kind("llm_call")


def normalise_traces(received: ReceivedTraces, *, received_at: int) -> Batch:
    """Spans as a batch of rows, texts and log events (an evaluation told as a span event is one).

    Never raises on odd values. `received_at` in ns since the epoch.
    """
    contents = Contents()
    rows: list[SpanFacts] = []
    logs: list[dict[str, Any]] = []
    for group in received.groups:
        source = SourceFacts.of(group.source, received_at=received_at)
        for span, shape in zip(group.spans, shapes_of(group.spans, source), strict=True):
            rows += _rows(span, shape, source, contents)
            if span.events:
                logs += [
                    evaluation_row(event, span, source, received_at)
                    for event in span.events
                    if event.name == names.EVALUATION_EVENT
                ]
    _keep_first_words(rows)
    return Batch(span_batch(rows), contents.batch(), log_batch(logs))


def _keep_first_words(rows: list[SpanFacts]) -> None:
    """Leaves `user_message` on the earliest of siblings that say the same: every call of a loop sends it again.

    Siblings belong to one execution, unless they carry other ids. A span without a parent may be one of its own.
    """
    earliest: dict[tuple[Any, ...], SpanFacts] = {}
    for row in rows:
        said, parent = row.user_message, row.parent_span_id
        if said is None or parent is None:
            continue
        key = (said, parent, row.trace_id, row.execution_key)
        first = earliest.setdefault(key, row)
        if first.span_id == row.span_id:
            continue  # the first of them, or an update of it, which may replace it
        if (row.started_at, row.span_id) < (first.started_at, first.span_id):
            earliest[key], row, first = row, first, row  # noqa: PLW2901
        row.user_message = None


def normalise_logs(received: ReceivedLogs, *, received_at: int) -> Batch:
    """Log records as a batch: each a log row, and one that tells messages of a model call a row beside that span's.

    `received_at` in ns since the epoch.
    """
    contents = Contents()
    rows: list[SpanFacts] = []
    logs: list[dict[str, Any]] = []
    for group in received.groups:
        source = SourceFacts.of(group.source, received_at=received_at)
        for record in group.logs:
            logs.append(log_row(record, source, received_at))
            if (event := event_span(record, received_at)) is not None:
                rows += _event_rows(event, source, contents)
    return Batch(span_batch(rows), contents.batch(), log_batch(logs))


def _event_rows(event: ReceivedSpan, source: SourceFacts, contents: Contents) -> list[SpanFacts]:
    """What an event tells of the model call that it belongs to: one more sight of the call, whenever it arrives."""
    rows = _rows(event, shape_of(event, source), source, contents, kind=_MODEL_CALL)
    for row in rows:
        row.synthetic = True
    rows[0].step_name = rows[0].model or "model call"
    rows[0].attributes = None  # the log row has them
    for row in rows[1:]:
        row.parent_span_id = event.parent_span_id
    return rows


def _rows(
    span: ReceivedSpan, shape: Shape, source: SourceFacts, contents: Contents, kind: Kind | None = None
) -> list[SpanFacts]:
    """The row of a span, and those of the steps that its messages tell of."""
    told: list[ReceivedSpan] = []
    rows = [_row_or_rest(span, shape, source, contents, kind, told)]
    rows += [_told_row(each, rows[0], source, contents) for each in told]
    return rows


def _told_row(span: ReceivedSpan, teller: SpanFacts, source: SourceFacts, contents: Contents) -> SpanFacts:
    row = _row_or_rest(span, shape_of(span, source), source, contents, None, [])
    row.synthetic, row.dialect, row.agent = True, teller.dialect, row.agent or teller.agent
    row.flags = [flag for flag in row.flags if flag != "guessed"]
    if span.kind == HOSTED_KIND or row.type == "llm_call":
        row.flag("derived")
    return row


def _row_or_rest(
    span: ReceivedSpan,
    shape: Shape,
    source: SourceFacts,
    contents: Contents,
    kind: Kind | None,
    told: list[ReceivedSpan],
) -> SpanFacts:
    """The row of a span; where our reading of it fails, a plain step with the raw attributes, flagged `unread`.

    A defect here must not cost the request: the raw span is stored, and `rebuild --renormalise` reads it when mended.
    """
    try:
        return _row(span, shape, source, contents, kind, told)
    except Exception:
        log.exception("a span of scope %r could not be read; its raw attributes are kept", source.scope)
        facts = SpanFacts(source.columns)
        _put_span(facts, span)
        facts.dialect, facts.type, facts.step_name = "unknown", "other", span.name
        facts.error = span.status == 2
        facts.flag("unread")
        put_raw(facts, SpanTexts(facts, contents), span, source)
        return facts


def _row(
    span: ReceivedSpan,
    shape: Shape,
    source: SourceFacts,
    contents: Contents,
    kind: Kind | None,
    told: list[ReceivedSpan],
) -> SpanFacts:
    plan, facts = shape.plan, shape.begin(span.attributes)
    _put_span(facts, span)
    texts = SpanTexts(facts, contents)
    dialect = _put_step(facts, texts, span, plan, kind)
    if _is_hidden(span.attributes, plan.texts):
        facts.flag("redacted")
    if facts.type == "llm_call" and facts.execution_key is None and (texts.input_messages or facts.asked_call_ids):
        turn = turn_key(texts.input_messages, facts.asked_call_ids)
        if turn is not None:
            facts.execution_key, facts.execution_rule = turn
    _put_identity(facts, span, plan)
    if plan.rules and facts.type == "workflow":
        put_rules(texts, span.attributes, plan.rules)
    put_raw(facts, texts, span, source)
    dialect.finish(facts, span)
    told += spans_told(span, facts.type, texts, plan, dialect)
    return facts


def _put_span(facts: SpanFacts, span: ReceivedSpan) -> None:
    """What every span has: ids, times, name, kind, status."""
    facts.trace_id, facts.span_id, facts.parent_span_id = span.trace_id, span.span_id, span.parent_span_id
    facts.name = span.name
    facts.kind = _KINDS.get(span.kind, "unspecified")
    facts.status = _STATUSES.get(span.status, "unset")
    start, end = span.start, span.end
    if _SANE_FROM <= start <= end <= facts.received_at:  # as nearly every clock says
        facts.started_at, facts.ended_at = start, end
    else:
        _put_odd_times(facts, start, end)


def _put_odd_times(facts: SpanFacts, start: int, end: int) -> None:
    if start == 0:
        facts.started_at = facts.received_at
        facts.flag("no_start")
    else:
        facts.started_at = min(start, _TIME_MAX)
        if start < _SANE_FROM or start > facts.received_at + _AHEAD_MAX:
            facts.flag("clock")
    if end:
        facts.ended_at = min(end, _TIME_MAX)
        if end < facts.started_at:
            facts.flag("clock")


def _put_step(facts: SpanFacts, texts: SpanTexts, span: ReceivedSpan, plan: Plan, given: Kind | None) -> Dialect:
    dialect, kind = _kind(span, plan) if given is None else (plan.dialects[0], given)
    facts.dialect, facts.type, facts.setup = dialect.name, kind.type, kind.setup
    if kind.guessed:
        facts.flag("guessed")
    if kind.name is not None:
        _put_name(facts, kind)
    if kind.type == "llm_call":
        _forget_zero_tokens(facts)
    hint = FILLS.get(kind.type, fill_task)(texts, span, plan, dialect)
    if hint is None and plan.failed:
        hint = next((said for failed in plan.failed if (said := failed(span)) is not None), None)
    if span.status == 2 or hint is not None or span.events or plan.tells_failure:
        _put_failure(facts, span, hint)
    if facts.type in {"tool_call", "handoff"} and facts.tool and not facts.error and brings_in_a_person(facts.tool):
        facts.escalation = facts.escalation or "agent"
    facts.step_name = _step_name(facts)
    facts.merge_key = _merge_key(facts)
    return dialect


def _put_name(facts: SpanFacts, kind: Kind) -> None:
    if kind.type == "agent":
        facts.agent = facts.agent or kind.name
    elif kind.type != "llm_call":
        facts.tool = facts.tool or kind.name


def _forget_zero_tokens(facts: SpanFacts) -> None:
    """A model call that read and wrote nothing was not counted: streams without usage are sent as zeros."""
    if not facts.input_tokens and not facts.output_tokens and facts.input_tokens is not None:
        facts.input_tokens = facts.output_tokens = None
        facts.cache_read_tokens = facts.cache_write_tokens = facts.reasoning_tokens = None


def _kind(span: ReceivedSpan, plan: Plan) -> tuple[Dialect, Kind]:
    for dialect in plan.dialects:
        if (kind := dialect.kind(span)) is not None:
            return dialect, kind
    return plan.dialects[-1], Kind("other")


def _is_hidden(attributes: Attributes, keys: tuple[str, ...]) -> bool:
    """Whether the sender wrote a marker where a text would stand."""
    for key in keys:  # noqa: SIM110  (`any` of a generator costs three times as much)
        if type(said := attributes[key]) is str and len(said) <= _MARKER_MAX and said in HIDDEN:
            return True
    return False


def _put_failure(facts: SpanFacts, span: ReceivedSpan, hint: str | None) -> None:
    failure = read_failure(span, hint=hint)
    facts.error, facts.error_type, facts.error_message = failure.error, failure.error_type, failure.error_message
    facts.control_flow = failure.control_flow
    facts.error_guessed = facts.error_guessed and failure.error
    if failure.control_flow in {"interrupt", "approval"} and facts.type == "tool_call":
        facts.type = "approval"  # the call was held for a person; it did not run


def _step_name(facts: SpanFacts) -> str:
    named_by = _NAMED_BY.get(facts.type)
    named: str | None = getattr(facts, named_by) if named_by else None
    return named or _without_operation(facts.name)


_NAMED_BY: Final = {
    "tool_call": "tool", "handoff": "tool", "approval": "tool", "llm_call": "model", "embedding": "model",
    "agent": "agent",
}  # fmt: skip


_OPERATIONS: Final = (
    "execute_tool ", "invoke_agent ", "invoke_workflow ", "execute_task ", "vector_db_retrieve ", "retrieval ", "chat ",
    "embeddings ", "create_agent ", "plan ",
)  # fmt: skip


@lru_cache(4096)
def _without_operation(name: str) -> str:
    for prefix in _OPERATIONS if name.startswith(_OPERATIONS) else ():
        if name.startswith(prefix) and len(name) > len(prefix):
            return name[len(prefix) :]
    return name


def _merge_key(facts: SpanFacts) -> str | None:
    """Nested spans of one type and key are one step seen twice; a model call is never inside another."""
    if facts.type == "llm_call":
        return "llm_call"
    return facts.step_name if facts.type in _MERGED_BY_NAME else None


_MERGED_BY_NAME: Final = frozenset({"tool_call", "handoff", "approval", "agent", "retrieval"})


def _put_identity(facts: SpanFacts, span: ReceivedSpan, plan: Plan) -> None:
    attributes = span.attributes
    if facts.execution_key is not None and facts.execution_rule is None:
        facts.execution_rule = "run_key"
    if plan.stamped:
        key, external_id = execution_key(attributes.get(names.EXECUTION_ID))
        if key is not None:
            facts.execution_key, facts.execution_rule = key, "explicit"
            facts.external_id = coerce.text(attributes.get(names.EXECUTION_EXTERNAL_ID)) or external_id
        facts.rerun_of, _ = execution_key(attributes.get(names.RERUN_OF))
    if not plan.simple:
        if facts.session_id is None or facts.user_id is None:
            _from_metadata(facts, attributes.get("metadata"))
        if coerce.flag(attributes.get(names.PENDING)):
            facts.pending = True
        if names.TRUNCATED in attributes:
            facts.flag("truncated")
    if plan.metadata:
        values = {name: coerce.text(attributes[key]) or "" for key, name in plan.metadata}
        facts.metadata = orjson.dumps(values).decode()
    if span.links:
        linked = [link.trace_id for link in span.links if len(link.trace_id) == 16 and link.trace_id != _NO_LINK]
        facts.linked_trace_ids = list(dict.fromkeys(linked))


def _from_metadata(facts: SpanFacts, value: Any) -> None:
    """Session and user where they are told only inside a metadata document."""
    if not isinstance(value, (str, dict)):
        return
    found = coerce.json_object(value)
    if facts.session_id is None:
        facts.session_id = next((said for name in _SESSION_NAMES if (said := coerce.text(found.get(name)))), None)
    if facts.user_id is None:
        facts.user_id = coerce.text(found.get("user_id"))


_SESSION_NAMES: Final = ("session_id", "conversation_id", "thread_id")
