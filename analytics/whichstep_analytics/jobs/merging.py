"""From spans to steps: which span is a step, which spans are one step seen twice, and what the merged step says.

Spans of type `none` are no steps; their children hang under the nearest step above. Nested spans of
one type and one `merge_key` (two instrumentations, client and server, wrapper and call) are one step: the outermost
gives it identity and time, the innermost its error and tokens, the longest text wins. Two sights of one call that are
not nested count as nested (`same_call`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from whichstep_analytics.jobs import passed_on, same_call, tree
from whichstep_store.results import JOB_TEXT_COLUMNS

_INNERMOST: Final = (
    "error_type", "error_message", "control_flow", "model", "provider", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "reported_cost_usd", "finish_reason",
    "time_to_first_token_ms", "input_digest", "tool", "tool_call_id", "arguments_digest", "agent",
    "output_summary", "approval_id", "step_index",
)  # fmt: skip
_OUTERMOST: Final = ("execution_id", "trace_id", "span_id", "started_at", "type", "step_name", "dialect", "merge_key")
_LISTS: Final = ("asked_tools", "asked_call_ids")
STEP_SPAN_COLUMNS: Final = (
    *_OUTERMOST, "ended_at", "pending", "error", "error_guessed", "flags", "document_count", "synthetic", "also",
    *_INNERMOST, *_LISTS, *JOB_TEXT_COLUMNS,
)  # fmt: skip


_LONGEST: Final = tuple(name for name in JOB_TEXT_COLUMNS if name not in {"input", "user_message"})
_PREVIEW_LENGTH: Final = 1024


class Forest(NamedTuple):
    """Where each span row belongs. Both are row indices of the frame of spans."""

    step: pl.Series
    """The row whose span is the step that this span is part of; null for spans that are no step."""
    parent: pl.Series
    """The row of the step above that step; null for a root."""
    depth: pl.Series
    """Spans above the span: what is innermost."""


def forest(spans: pl.DataFrame) -> Forest:
    """The step that each span is part of and the step above it."""
    parents = passed_on.hung_up(spans, same_call.hung_up(spans, tree.parent_rows(spans)))
    is_step = spans["type"] != "none"
    above = tree.nearest(parents, kept=is_step)
    rows = pl.int_range(spans.height, dtype=pl.UInt32, eager=True)
    twins = _same(spans, above, "type") & _same(spans, above, "merge_key") & is_step
    step = _with_events(spans, parents, tree.topmost(above.zip_with(twins, _nothing(rows))))
    return Forest(
        step=step.zip_with(is_step, _nothing(rows)), parent=step.gather(above.gather(step)), depth=tree.depths(parents)
    )


def _with_events(spans: pl.DataFrame, parents: pl.Series, step: pl.Series) -> pl.Series:
    """Events of a model call belong to the call: to its step, else, until its span arrives, all to the first of them.

    Those under a span of another type tell of no model call that is known.
    """
    event = spans.select((pl.col("type") == "llm_call") & pl.col("synthetic") & ~passed_on.is_passed_on()).to_series()
    if not event.any():
        return step
    rows = spans.select("trace_id", "parent_span_id").with_row_index("row")
    first = rows.filter(event).group_by("trace_id", "parent_span_id").agg(pl.col("row").min().alias("first"))
    alone = rows.join(first, on=["trace_id", "parent_span_id"], how="left", maintain_order="left")["first"]
    is_call = (spans["type"].gather(parents) == "llm_call").fill_null(value=False)
    of_event = step.gather(parents).zip_with(is_call, alone.zip_with(parents.is_null(), step.clear(len(step))))
    return of_event.zip_with(event, step)


def merge(spans: pl.DataFrame, found: Forest) -> pl.DataFrame:
    """One row per step: STEP_SPAN_COLUMNS, `row` (of its own span), `parent_row`, `span_ids` (the own first)."""
    frame = spans.select(STEP_SPAN_COLUMNS).with_columns(
        found.step.alias("row"),
        found.parent.alias("parent_row"),
        found.depth.alias("depth"),
        pl.concat_list("span_id", "also").alias("span_ids"),
    )
    frame = frame.filter(pl.col("row").is_not_null())
    several = frame["row"].is_duplicated()
    if not several.any():
        return _single(frame)
    alone = _single(frame.filter(~several))
    return pl.concat([alone, _merged(frame.filter(several)).select(alone.columns)])


def _single(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop("depth")


def _merged(frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.lazy()
        .sort("row", "synthetic", "depth", "started_at", "span_id")
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("parent_row").first(),
            pl.col("span_ids").explode(empty_as_null=True).drop_nulls(),
            pl.col("synthetic").first(),
            pl.col("also").first(),
            *(pl.col(name).first() for name in _OUTERMOST),
            pl.coalesce(pl.col("ended_at").first(), pl.col("ended_at").max()).alias("ended_at"),
            pl.col("pending").first(),
            pl.col("error").any(),
            (pl.col("error") & ~pl.col("error_guessed")).any().not_().alias("error_guessed"),
            pl.col("flags").explode(empty_as_null=True).drop_nulls().unique().sort(),
            pl.col("document_count").max(),
            *(pl.col(name).drop_nulls().last() for name in _INNERMOST),
            *(pl.col(name).sort_by(pl.col(name).list.len(), maintain_order=True).last() for name in _LISTS),
            *(pl.col(name).sort_by(pl.col(name).str.len_bytes().fill_null(-1)).last() for name in _LONGEST),
            *_messages(),
        )
        .with_columns(pl.col("error_guessed") & pl.col("error"))
        .collect()
    )


def _messages() -> list[pl.Expr]:
    """`input` and `user_message`: the longest sight of them, or all that single events tell, one after the other."""
    sent, event = ~pl.col("synthetic"), pl.col("synthetic")
    longest = pl.col("input").filter(sent).sort_by(pl.col("input").filter(sent).str.len_bytes().fill_null(-1)).last()
    items = pl.col("input").filter(event).drop_nulls().str.strip_prefix("[").str.strip_suffix("]").str.join(",")
    told = pl.when(items.str.len_bytes() > 0).then(pl.format("[{}]", items).str.head(_PREVIEW_LENGTH))
    return [
        pl.when(longest.str.len_bytes().fill_null(0) >= told.str.len_bytes().fill_null(0))
        .then(longest)
        .otherwise(told)
        .alias("input"),
        pl.coalesce(pl.col("user_message").filter(sent).drop_nulls().first(), _asked(event)).alias("user_message"),
    ]


def _asked(event: pl.Expr) -> pl.Expr:
    """Of single messages in their order: the first of the user's last words, as where they are told in one list."""
    place, told, said = pl.int_range(pl.len()), pl.col("input").is_not_null(), pl.col("user_message").is_not_null()
    last = place.filter(event & said).max()
    answered = place.filter(event & told & ~said & (place < last)).max()
    return pl.col("user_message").filter(event & said & (place > answered).fill_null(value=True)).first()


def _same(spans: pl.DataFrame, above: pl.Series, column: str) -> pl.Series:
    """Whether a span and the step span above it agree on a value that is known."""
    return (spans[column] == spans[column].gather(above)).fill_null(value=False)


def _nothing(rows: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=rows.dtype).new_from_index(0, len(rows))
