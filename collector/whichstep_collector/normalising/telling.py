"""Which of the steps that a span's messages tell of become rows, and when they happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from whichstep.attributes import AGENT_NAME, CONTROL_FLOW, OPERATION
from whichstep_collector.dialects.base import Dialect
from whichstep_collector.normalising import told
from whichstep_collector.normalising.calls import is_request
from whichstep_collector.normalising.plan import Plan
from whichstep_collector.normalising.texts import SpanTexts
from whichstep_collector.received import ReceivedSpan

_AGENTS: Final = frozenset({"agent", "workflow"})


def spans_told(span: ReceivedSpan, step: str, texts: SpanTexts, plan: Plan, dialect: Dialect) -> list[ReceivedSpan]:
    """Spans for the tool calls, hosted tools and approvals that this span tells of; most tell of none."""
    if step == "llm_call":
        return _of_model_call(span, texts, plan, dialect)
    if step == "none":
        return [_passed_on(passed, span, number) for number, passed in enumerate(dialect.passed(span))]
    if step in _AGENTS:
        return list(_of_agent(span, texts, dialect))
    return list(_asking(dialect.held(span), span, at=span.end or span.start)) if step == "other" else []


def _of_model_call(span: ReceivedSpan, texts: SpanTexts, plan: Plan, dialect: Dialect) -> list[ReceivedSpan]:
    ended = span.end or span.start
    found = [
        told.span_of(call, span, kind="hosted", number=number, at=ended, ended=True)
        for number, call in enumerate(told.hosted(texts.output_messages))
    ]
    if not (plan.sees_no_tools or any(is_request(span.attributes[key]) for key in plan.input_values[:1])):
        return found
    for number, call in enumerate(told.answered(texts.input_messages)):
        plain = call._replace(response=dialect.unwrap_result(call.response).value)
        found.append(told.span_of(plain, span, kind="answered", number=number, at=span.start, ended=True))
    for number, call in enumerate(told.asked(texts.output_messages)):  # the last of a run is answered to nobody
        found.append(told.span_of(call, span, kind="asked", number=number, at=ended, ended=False))
    return found


def _passed_on(passed: told.Passed, span: ReceivedSpan, number: int) -> ReceivedSpan:
    if passed.call is None:
        return told.answer_of(passed, span)
    found = told.span_of(
        passed.call, span, kind="passed", number=number, at=passed.at, ended=passed.call.response is not None
    )
    found.attributes[AGENT_NAME] = passed.agent
    return found


def _of_agent(span: ReceivedSpan, texts: SpanTexts, dialect: Dialect) -> Iterator[ReceivedSpan]:
    yield from _asking(told.held(texts.input_messages) if texts.input_messages else (), span, at=span.start)
    yield from _asking(dialect.held(span), span, at=span.end or span.start)
    for number, call in enumerate(calls := dialect.ran(span)):
        at = (span.end or span.start) - len(calls) + number
        yield told.span_of(call, span, kind="ran", number=number, at=at, ended=True)
    if (agent := dialect.handed(span.attributes)) is not None:
        handover = told.span_of(told.Call(agent, None), span, kind="handed", number=0, at=span.start, ended=True)
        handover.attributes[OPERATION] = "handoff"
        yield handover


def _asking(calls: Iterable[told.Call], span: ReceivedSpan, *, at: int) -> Iterator[ReceivedSpan]:
    for number, call in enumerate(calls):
        asking = told.span_of(call, span, kind="held", number=number, at=at, ended=False)
        asking.attributes[CONTROL_FLOW] = "approval"
        yield asking
