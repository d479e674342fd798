"""The shapes of a group's spans: those with the same attribute names are read by one plan.

What a look-up finds alike in every span of a shape (provider, model, session, agent) is read once and stands in the
beginning that their rows are copied from; the other fields are read span by span.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from whichstep_collector.normalising.facts import SpanFacts, Template
from whichstep_collector.normalising.plan import ColumnKeys, Plan, plan_for
from whichstep_collector.normalising.sources import SourceFacts
from whichstep_collector.received import Attributes, ReceivedSpan


class Shape(NamedTuple):
    """How the rows of spans with the same attribute names begin, and what is left to read of each."""

    plan: Plan
    beginning: Template
    fields: Sequence[ColumnKeys]

    def begin(self, attributes: Attributes) -> SpanFacts:
        """A row with all columns that look-ups fill."""
        facts = SpanFacts(self.beginning)
        columns = facts.__dict__
        for column, read, keys in self.fields:
            for key in keys:
                found = read(attributes[key])
                if found is not None:
                    columns[column] = found
                    break
        return facts


def shape_of(span: ReceivedSpan, source: SourceFacts) -> Shape:
    """The shape of a span by itself."""
    plan = plan_for(source.scope, tuple(span.attributes))
    return Shape(plan, source.columns, plan.columns)


def shapes_of(spans: Sequence[ReceivedSpan], source: SourceFacts) -> list[Shape]:
    """The shape of each span of a group."""
    keys = [tuple(span.attributes) for span in spans]
    members: dict[tuple[str, ...], list[Attributes]] = defaultdict(list)
    for key, span in zip(keys, spans, strict=True):
        members[key].append(span.attributes)
    shapes = {key: _shape(plan_for(source.scope, key), found, source) for key, found in members.items()}
    return [shapes[key] for key in keys]


def _shape(plan: Plan, members: list[Attributes], source: SourceFacts) -> Shape:
    if len(members) == 1:
        return Shape(plan, source.columns, plan.columns)
    alike, apart = {}, []
    for field in reversed(plan.columns):  # a later field overrides: one before it that is read apart must not
        column, read, keys = field
        if column in alike:
            continue
        values = [attributes[keys[0]] for attributes in members]
        first = values[0]
        # Of texts only: elsewhere equal values may differ in type, as 1 and true do.
        if type(first) is str and values.count(first) == len(values) and (found := read(first)) is not None:
            alike[column] = found
        else:
            apart.append(field)
    return Shape(plan, {**source.columns, **alike}, apart[::-1])
