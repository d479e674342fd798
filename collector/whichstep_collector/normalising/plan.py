"""What the attribute names of a span say about how to read it, worked out once per (scope, set of names).

Instrumentations send the same names again and again; their values differ. A plan holds the dialects that recognise the
names, the columns that they fill, and the keys of flattened lists, so that a span is read by look-ups alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects import DIALECTS, Dialect
from whichstep_collector.dialects.base import no_failure
from whichstep_collector.normalising.fields import FIELDS, TEXT_KEYS, Field
from whichstep_collector.normalising.indexed import (
    INPUT_PREFIXES,
    OUTPUT_PREFIXES,
    TOOL_PREFIXES,
    DocumentKeys,
    MessageKeys,
    document_keys,
    group_by_index,
    message_keys,
)
from whichstep_collector.normalising.told import sees_no_tools
from whichstep_collector.received import ReceivedSpan

_PLANS_MAX: Final = 4096
_KEYS_MAX: Final = 2048
"""Spans with more attributes are planned each time: such sets of names hardly recur and would fill the memory."""


_PARAMETER_PREFIX: Final = "gen_ai.request."
_CONTENT_KEYS: Final = frozenset({names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS})
_MARKS: Final = frozenset({"metadata", names.PENDING, names.TRUNCATED})
_RULES: Final = (names.POLICY_DIGEST, names.CONTRACT_DIGEST)
_FAILURES: Final = frozenset({names.ERROR_TYPE, names.CONTROL_FLOW})
STATUS_KEYS: Final = ("gen_ai.tool.status", "gen_ai.task.status")
SUCCESS_KEYS: Final = ("gen_ai.tool.execution.success", "gen_ai.action.success")
"""How a tool says by itself that it failed, or did not."""

ColumnKeys = tuple[str, Callable[[Any], Any], tuple[str, ...]]
"""A column, how its value is read, and the attributes that hold it, best first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read the spans of one scope and set of attribute names."""

    dialects: tuple[Dialect, ...]
    failed: tuple[Callable[[ReceivedSpan], str | None], ...]
    columns: tuple[ColumnKeys, ...]
    """A later one overrides an earlier one of the same column."""
    input: tuple[MessageKeys, ...]
    output: tuple[MessageKeys, ...]
    documents: tuple[DocumentKeys, ...]
    tools: tuple[str, ...]
    parameters: tuple[str, ...]
    input_values: tuple[str, ...]
    output_values: tuple[str, ...]
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    query: tuple[str, ...]
    document_lists: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    texts: tuple[str, ...]
    """All that may hold a text, or a marker that content is hidden."""
    rules: tuple[str, ...]
    """Those that say which policy or contract an execution ran under."""
    stamped: bool
    """Carries an execution id or another id of ours."""
    simple: bool
    """Says no more about who it belongs to than its columns do."""
    tells_failure: bool
    """Has an attribute for an error or for control flow."""
    tells_status: bool
    """Has an attribute for whether a tool succeeded."""
    sees_no_tools: bool
    """Leaves tools, or what they said, to the messages of model calls."""


_plans: dict[tuple[str, tuple[str, ...]], Plan] = {}


def plan_for(scope: str, keys: tuple[str, ...]) -> Plan:
    """The plan for spans of this scope with these attribute names."""
    key = (scope, keys)
    plan = _plans.get(key)
    if plan is None:
        plan = make_plan(scope, keys)
        if len(keys) <= _KEYS_MAX:
            if len(_plans) >= _PLANS_MAX:
                _plans.clear()
            _plans[key] = plan
    return plan


def make_plan(scope: str, keys: Collection[str]) -> Plan:
    """Works a plan out."""
    present = frozenset(keys)
    dialects = tuple(dialect for dialect in DIALECTS if dialect.recognises(scope, present))
    texts = _text_keys(dialects)
    input_messages, output_messages = message_keys(keys, INPUT_PREFIXES), message_keys(keys, OUTPUT_PREFIXES)
    messages = input_messages + output_messages
    return Plan(
        dialects=dialects,
        failed=tuple(dialect.failed for dialect in dialects if dialect.failed is not no_failure),
        columns=tuple(
            (field.column, field.read, found) for field in _fields(dialects) if (found := _present(field.keys, present))
        ),
        input=input_messages,
        output=output_messages,
        documents=document_keys(keys),
        tools=tuple(
            key for prefix in TOOL_PREFIXES for item in group_by_index(keys, prefix).values() for key in item.values()
        ),
        parameters=tuple(sorted(key for key in keys if key.startswith(_PARAMETER_PREFIX))),
        input_values=_present(texts["input"], present),
        output_values=_present(texts["output"], present),
        arguments=_present(texts["arguments"], present),
        results=_present(texts["results"], present),
        query=_present(texts["query"], present),
        document_lists=_present(texts["documents"], present),
        texts=_present(tuple({key for keys in texts.values() for key in keys} | _CONTENT_KEYS), present)
        + tuple(item.fields["content"] for item in messages if "content" in item.fields),
        metadata=tuple(
            (key, key.removeprefix(names.METADATA_PREFIX)) for key in keys if key.startswith(names.METADATA_PREFIX)
        ),
        rules=_present(_RULES, present),
        stamped=names.EXECUTION_ID in present or names.RERUN_OF in present,
        simple=_MARKS.isdisjoint(present),
        tells_failure=not _FAILURES.isdisjoint(present),
        tells_status=not present.isdisjoint(STATUS_KEYS + SUCCESS_KEYS),
        sees_no_tools=sees_no_tools(scope),
    )


def _fields(dialects: Iterable[Dialect]) -> list[Field]:
    """Fields in the order they are read: a later one that finds a value overrides, so the most specific comes last."""
    own = [field for dialect in dialects for field in dialect.fields]
    return [*FIELDS, *reversed(own)]


def _text_keys(dialects: Iterable[Dialect]) -> dict[str, tuple[str, ...]]:
    tables = [*(dialect.texts for dialect in dialects), TEXT_KEYS]
    return {
        name: tuple(dict.fromkeys(key for table in tables for key in getattr(table, name)))
        for name in TEXT_KEYS._fields
    }


def _present(keys: tuple[str, ...], present: frozenset[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if key in present)
