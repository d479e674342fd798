"""One normalised span: a row of `span_open.sql`, as plain values. Class attributes are the columns' defaults.

A row's own dictionary holds every column, in the order of the schema, so that rows turn into columns without asking
for one name after the other (`columns.py`). It begins as a copy of a template that the spans of a group share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from whichstep_collector.normalising.version import NORMALISER_VERSION

Texts = tuple[str, ...] | list[str]
Hashes = list[bytes]
Template = dict[str, Any]


class SpanFacts:
    """Dialect-free facts of one span. Ids and hashes are 16 bytes, span ids numbers, times ns since the epoch."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None = None
    received_at: int
    started_at: int
    ended_at: int | None = None
    name: str
    kind: str
    status: str
    scope: str
    service: str
    release: str | None = None
    environment: str | None = None
    dialect: str
    type: str
    setup: bool = False
    pending: bool = False
    synthetic: bool = False
    step_name: str
    agent: str | None = None
    workflow: str | None = None
    step_index: int | None = None
    merge_key: str | None = None
    error: bool = False
    error_type: str | None = None
    error_message: str | None = None
    control_flow: str | None = None
    error_guessed: bool = False
    flags: Texts = ()
    execution_key: bytes | None = None
    execution_rule: str | None = None
    external_id: str | None = None
    links_join: bool = False
    linked_trace_ids: tuple[bytes, ...] | list[bytes] = ()
    session_id: str | None = None
    user_id: str | None = None
    task_id: str | None = None
    task_type: str | None = None
    rerun_of: bytes | None = None
    purpose: str | None = None
    tags: Texts = ()
    metadata: str | None = None
    autonomy_level: int | None = None
    outcome_success: bool | None = None
    outcome_explanation: str | None = None
    escalation: str | None = None
    approval_id: str | None = None
    provider: str | None = None
    model: str | None = None
    request_model: str | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    reported_cost_usd: float | None = None
    finish_reason: str | None = None
    time_to_first_token_ms: float | None = None
    asked_tools: Texts = ()
    asked_call_ids: Texts = ()
    configuration_digest: bytes | None = None
    input_digest: bytes | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    arguments_digest: bytes | None = None
    document_count: int | None = None
    resend_count: int | None = None
    expectation: str | None = None
    output_summary: str | None = None
    attribute_count: int
    digest: bytes
    normaliser_version: int = NORMALISER_VERSION
    input: str | None = None
    input_parts: Hashes | None = None
    input_is_list: bool | None = None
    output: str | None = None
    output_parts: Hashes | None = None
    output_is_list: bool | None = None
    arguments: str | None = None
    arguments_parts: Hashes | None = None
    result: str | None = None
    result_parts: Hashes | None = None
    query: str | None = None
    query_parts: Hashes | None = None
    sources: str | None = None
    sources_parts: Hashes | None = None
    user_message: str | None = None
    attributes: str | None = None
    events: str | None = None
    links: str | None = None
    resource: str | None = None

    def __init__(self, template: Template) -> None:
        """Takes the columns that are the same for all spans of a group, see `template`."""
        self.__dict__ = template.copy()

    def flag(self, name: str) -> None:
        """Adds a flag once."""
        if name not in self.flags:
            self.flags = [*self.flags, name]

    def fill(self, columns: Mapping[str, Any]) -> None:
        """Gives these values to the columns that say nothing yet."""
        for column, value in columns.items():
            if getattr(self, column) is None:
                setattr(self, column, value)


_DEFAULTS: Final[Template] = {name: getattr(SpanFacts, name, None) for name in SpanFacts.__annotations__}


def template(**columns: Any) -> Template:
    """Every column at its default, but for these."""
    return {**_DEFAULTS, **columns}
