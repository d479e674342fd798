"""Whether the task was done, from the strongest witness: a person, the agent's own code, an evaluator, inference.

`task_success` and the names mapped in the settings decide success, `policy_violation` whether a policy was violated. A
person who corrects, edits or rejects (evaluation `correction`, decisions on approvals) says "not a success", even
beside a good score. HUMAN is believed from a reviewer's token alone; as merely claimed it ranks with the evaluators. Of
several statements of one rank the latest counts, and the others are said in `success_reason`. A score is read from 0 to
1; one that is no number, or outside, says nothing. Inference knows failure only: an execution that ended in an error,
or an action that a person refused. Everything else is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import polars as pl

TASK_SUCCESS: Final = "task_success"
CORRECTION: Final = "correction"
POLICY_VIOLATION: Final = "policy_violation"
PASS_SCORE: Final = 0.5
DECIDING: Final[Mapping[str, float]] = {TASK_SUCCESS: PASS_SCORE}
"""Names of the evaluations that decide success, each with the score from which on it is one."""
STATED_SCHEMA: Final = pl.Schema(
    {
        "execution_id": pl.String(),
        "human": pl.Boolean(),
        "human_disputed": pl.Boolean(),  # people said both
        "revised": pl.Boolean(),  # a person corrected, edited or rejected
        "evaluator": pl.Boolean(),
        "evaluator_disputed": pl.Boolean(),
        "violated": pl.Boolean(),
        "human_probability": pl.Float64(),  # of the sample that the deciding statement comes from; null: of no sample
        "evaluator_probability": pl.Float64(),
        "unread": pl.UInt32(),  # statements whose score is no number from 0 to 1
    }
)
_YES: Final = ("true", "pass", "passed", "yes", "success", "successful", "correct", "good", "1")
_NO: Final = ("false", "fail", "failed", "no", "failure", "unsuccessful", "incorrect", "bad", "0")
_NAME: Final = re.compile(r"\s*([^\s,>=]+)\s*(?:>=\s*([01](?:\.\d+)?)\s*)?")
_WITNESSES: Final = {"human": "a person", "code": "the agent's code", "evaluator": "an evaluator"}


def deciding_names(text: str) -> dict[str, float]:
    """DECIDING and what `correctness, resolved>=0.8` adds to it.

    Raises:
        ValueError: a part is no name with or without a score from 0 to 1.
    """
    found = dict(DECIDING)
    for part in filter(str.strip, text.split(",")):
        matched = _NAME.fullmatch(part)
        if matched is None or float(matched[2] or 0) > 1:
            raise ValueError(f"{part.strip()!r} is no name of an evaluation; write correctness or correctness>=0.8")
        found[matched[1]] = float(matched[2] or PASS_SCORE)
    return found


def stated(
    evaluations: pl.DataFrame,
    mapping: pl.DataFrame,
    placed: pl.DataFrame,
    *,
    deciding: Mapping[str, float] = DECIDING,
) -> pl.DataFrame:
    """What people and evaluators say: STATED_SCHEMA, null where they say nothing. `violated`: a person's word first."""
    said = evaluations.filter(pl.col("name").is_in((*deciding, CORRECTION, POLICY_VIOLATION)))
    if said.is_empty():
        return pl.DataFrame(schema=STATED_SCHEMA)
    human = pl.col("trusted") & (pl.col("source") == "HUMAN").fill_null(value=False)
    corrects, violates = (pl.col("name") == name for name in (CORRECTION, POLICY_VIOLATION))
    told = ~violates & pl.col("verdict").is_not_null()
    of_person, of_evaluator = (pl.col("verdict").filter(told & who) for who in (human, ~human))
    chance = pl.when(pl.col("inclusion_probability").is_between(0, 1, closed="right")).then("inclusion_probability")
    violation = pl.col("verdict").filter(violates).drop_nulls()
    return (
        _placed(said.with_columns(_verdict(deciding).alias("verdict")), mapping, placed)
        .sort("occurred_at", "verdict", nulls_last=False)
        .group_by("execution_id", maintain_order=True)
        .agg(
            of_person.last().alias("human"),
            (of_person.n_unique() > 1).alias("human_disputed"),
            (corrects & human & pl.col("verdict").is_not_null()).any().alias("revised"),
            chance.filter(told & human).last().alias("human_probability"),
            chance.filter(told & ~human).last().alias("evaluator_probability"),
            of_evaluator.last().alias("evaluator"),
            (of_evaluator.n_unique() > 1).alias("evaluator_disputed"),
            pl.coalesce(pl.col("verdict").filter(violates & human).drop_nulls().last(), violation.last()).alias(
                "violated"
            ),
            (~corrects & pl.col("score").is_not_null() & pl.col("verdict").is_null()).sum().alias("unread"),
        )
    )


def _placed(said: pl.DataFrame, mapping: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """The statements with the execution that each speaks of."""
    alone = mapping.filter(~pl.col("trace_id").is_duplicated())
    by_trace = alone.select("trace_id", pl.col("execution_id").alias("by_trace"))
    responses = placed.filter(pl.col("response_id").is_not_null()).select(
        "response_id", pl.col("execution_id").alias("by_response")
    )
    return (
        said.join(by_trace, on="trace_id", how="left")
        .join(_by_span(placed, mapping), on=["trace_id", "span_id"], how="left")
        .join(responses.unique("response_id", keep="any"), on="response_id", how="left")
        .with_columns(
            pl.coalesce("by_trace", _by_id(mapping), "by_span", "by_response", "execution_id").alias("execution_id")
        )
    )


def _by_span(placed: pl.DataFrame, mapping: pl.DataFrame) -> pl.DataFrame:
    """Which execution each span of a shared trace belongs to: trace_id, span_id, by_span."""
    shared = mapping.filter(pl.col("trace_id").is_duplicated()).select("trace_id").unique()
    spans = placed.select("trace_id", "span_id", pl.col("execution_id").alias("by_span"))
    return spans.join(shared, on="trace_id", how="semi")


def _by_id(mapping: pl.DataFrame) -> pl.Expr:
    """The execution that a statement names itself, where it was made in a trace of several."""
    shared = mapping.filter(pl.col("trace_id").is_duplicated())["execution_id"]
    return pl.when(pl.col("execution_id").is_in(shared.implode())).then("execution_id")


def decide(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds success, success_source, success_disputed, success_reason and outcome_weight.

    From the columns of STATED_SCHEMA, `code`, `refused` (an action, by a person) and `failed` (inferred).
    """
    no = pl.lit(value=False)
    revised = pl.col("revised").fill_null(value=False) | pl.col("refused")
    frame = frame.with_columns(pl.when(revised).then(no).otherwise(pl.col("human")).alias("verdict_of_person"))
    ranked = {
        "human": pl.col("verdict_of_person"),
        "code": pl.col("code"),
        "evaluator": pl.col("evaluator"),
        "inferred": pl.when("failed").then(no),
    }
    source = pl.coalesce(*(pl.when(verdict.is_not_null()).then(pl.lit(name)) for name, verdict in ranked.items()))
    frame = frame.with_columns(pl.coalesce(*ranked.values()).alias("success"), source.alias("success_source"))
    chance = (
        pl.when(revised).then(None)
        .when(pl.col("success_source") == "human").then("human_probability")
        .when(pl.col("success_source") == "evaluator").then("evaluator_probability")
    )  # fmt: skip
    against = pl.concat_list(
        pl.when(_says_otherwise(name)).then(pl.lit(words)) for name, words in _WITNESSES.items()
    ).list.drop_nulls()
    disputed = pl.when(pl.col("success").is_not_null()).then(against.list.len() > 0)
    return frame.with_columns(
        disputed.alias("success_disputed"), _reason(revised, against).alias("success_reason"), outcome_weight=1 / chance
    )


def _says_otherwise(witness: str) -> pl.Expr:
    """Whether that witness contradicts what was decided, or itself."""
    said = pl.col(witness) != pl.col("success")
    itself = pl.col(f"{witness}_disputed") if witness != "code" else pl.lit(value=False)
    return said.fill_null(value=False) | itself.fill_null(value=False)


def _reason(revised: pl.Expr, against: pl.Expr) -> pl.Expr:
    """Why the outcome is what it is, in words; null where nothing was said and nothing failed."""
    verdict = pl.when("success").then(pl.lit("success")).otherwise(pl.lit("failure"))
    witness = pl.col("success_source").replace_strict(_WITNESSES, default="")
    why = (
        pl.when(revised).then(pl.lit("a person corrected, edited or rejected it"))
        .when(pl.col("success_source") == "inferred").then(pl.lit("it ended in an error, and nobody judged it"))
        .when(pl.col("success").is_not_null()).then(pl.format("{} said {}", witness, verdict))
        .when(pl.col("unread") > 0).then(pl.lit("the outcome is unknown"))
    )  # fmt: skip
    otherwise = pl.when(against.list.len() > 0).then(pl.format("; {} said otherwise", against.list.join(" and ")))
    unread = pl.when(pl.col("unread") > 0).then(
        pl.format("; {} scores were no number from 0 to 1 and say nothing", "unread")
    )
    return why + otherwise.fill_null("") + unread.fill_null("")


def _verdict(deciding: Mapping[str, float]) -> pl.Expr:
    """What a statement says: of success or violation; a correction says failure, one that corrects nothing is null."""
    label = pl.col("label").str.to_lowercase().str.strip_chars()
    score = pl.when(pl.col("score").is_between(0, 1)).then("score")  # NaN is between nothing
    passing = pl.col("name").replace_strict(dict(deciding), default=PASS_SCORE, return_dtype=pl.Float64)
    nothing_corrected = label.is_in((*_NO, "none")).fill_null(value=False) | (score == 0).fill_null(value=False)
    return (
        pl.when(pl.col("name") == CORRECTION).then(pl.when(~nothing_corrected).then(pl.lit(value=False)))
        .when(label.is_in(_YES)).then(pl.lit(value=True))
        .when(label.is_in(_NO)).then(pl.lit(value=False))
        .otherwise(score >= passing)
    )  # fmt: skip
