"""Ranks the turns of executions that somebody judged a failure and for which no rule is sure.

A conditional logit: the utility of a turn is the weighted sum of the rules that fired on it (each by how sure it is)
and of its traits; the softmax over the turns of an execution, less the share of failures that lie elsewhere, is the
probability that the turn is to blame. In an orchestrated run it is first decided who is to blame, by the sum over the
turns of each agent, and then which turn: several likely turns of one agent outweigh the likeliest of another. The
weights are in `weights.json`, with how they were found; nothing is learned at run time. A turn is a model call; a rule
that fired on an action speaks for the model call that answers for it (`turn_at` of `evidence.prepare`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import polars as pl

from whichstep_analytics.failure import evidence, rules, traits

TURNS_NAMED: Final = 5
"""Turns of an execution that are named as suspects; the probability of the rest is the rest."""
_NAMED_MIN: Final = 0.02
"""A turn less likely than this is no suspect, unless it is the likeliest."""
_SPOKEN: Final = {
    "takes_over": "it takes over from another agent",
    "called_late": "its agent was called late",
    "new_numbers": "it brings in numbers that stood nowhere before",
    "tells_first": "it is the first to tell what an action brought",
    "taken_back": "what its agent said was taken back",
}
"""How a trait that speaks for a turn is told; the others only speak against."""
_SPOKEN_MIN: Final = 0.25
"""A trait is told where it raises the utility by so much over the mean of the execution: the odds by a quarter."""
_RULE: Final = "rule:"


@dataclass(frozen=True, slots=True)
class Weights:
    """What a full-strength suspicion of a rule, and a unit of a trait, add to the utility of a turn (log-odds)."""

    rules: Mapping[str, float]
    traits: Mapping[str, float]
    elsewhere: float
    """Share of failures for which no turn of an agent was to blame, among those that the weights were fitted to."""


@dataclass(frozen=True, slots=True)
class Found:
    """How the shipped weights were found."""

    executions: Mapping[str, int]
    """Labelled runs by data set."""
    ridge: float
    rules: frozenset[str]
    """Those that were fitted."""


@cache
def shipped() -> Weights:
    """The weights of `weights.json`. A rule that it does not list has its `prior`, a trait none."""
    read = _read()
    return Weights(
        rules={name: read["rules"].get(name, read["prior"]) for name in map(rules.name, rules.RULES)},
        traits={name: read["traits"].get(name, 0.0) for name in traits.TRAITS},
        elsewhere=read["elsewhere"],
    )


def found() -> Found:
    """What `weights.json` says of itself."""
    read = _read()
    return Found(read["found"]["executions"], read["found"]["ridge"], frozenset(read["rules"]))


def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text(encoding="utf-8"))
    return read


def features(steps: pl.DataFrame, suspects: pl.DataFrame) -> pl.DataFrame:
    """One row a turn: execution_id, at, step_id, agent, orchestrated, the traits, and `rule:NAME`, how sure a rule is.

    `steps`: of `evidence.prepare`, whole executions; `suspects`: of `rules.fired`.
    """
    turns = traits.of_turns(steps)
    by_turn = _by_turn(steps, suspects).group_by("turn", "rule").agg(pl.col("score").max())
    for rule in map(rules.name, rules.RULES):
        fired = by_turn.filter(pl.col("rule") == rule)
        at = turns["at"].replace_strict(fired["turn"], fired["score"], default=0.0, return_dtype=pl.Float64)
        turns = turns.with_columns(at.alias(_RULE + rule))
    corrected = (pl.col(_RULE + "self_correction") > 0).any().over("execution_id", "agent")
    return turns.with_columns((pl.col("orchestrated") & corrected).cast(pl.Float64).alias("taken_back"))


def suspects(steps: pl.DataFrame, fired: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """The likeliest turns of each execution as suspects: SUSPECT_SCHEMA, `rule` and `of_agent`.

    `score` is the probability of the turn, `of_agent` that of its agent in an orchestrated run, else that of the turn.
    A turn on which a rule fired is told as that rule tells it: the step that it saw, the turn as its cause.
    """
    turns = features(steps, fired)
    if turns.is_empty():
        return fired.clear().with_columns(pl.lit(None, pl.Float64).alias("of_agent"))
    chance = _chance() * (1 - weights.elsewhere)
    turns = turns.with_columns(_utility(weights).alias("utility")).with_columns(chance.alias("probability"))
    turns = turns.with_columns(_spoken(weights).alias("spoken"), _of_agent().alias("of_agent"))
    turns = turns.sort("execution_id", pl.col("of_agent") * -1, pl.col("probability") * -1, "at")
    rank = pl.int_range(pl.len()).over("execution_id")
    likely = (rank == 0) | ((rank < TURNS_NAMED) & (pl.col("probability") >= _NAMED_MIN))
    named = turns.filter(likely).select("execution_id", "at", "step_id", "probability", "of_agent", "spoken")
    return _told(named, _leading(steps, fired, weights))


def _by_turn(steps: pl.DataFrame, fired: pl.DataFrame) -> pl.DataFrame:
    """What fired, with `turn`: the row of the model call that answers for the step; none where no call came before."""
    turn = steps.select("at", pl.col("turn_at").alias("turn"))
    return fired.join(turn, on="at", maintain_order="left").drop_nulls("turn")


def _utility(weights: Weights) -> pl.Expr:
    terms = [pl.col(name) * weight for name, weight in weights.traits.items()]
    terms += [pl.col(_RULE + name) * weight for name, weight in weights.rules.items()]
    return pl.sum_horizontal(pl.lit(0.0), *terms)


def _chance() -> pl.Expr:
    raised = (pl.col("utility") - pl.col("utility").max().over("execution_id")).exp()
    return raised / raised.sum().over("execution_id")


def _of_agent() -> pl.Expr:
    together = pl.col("probability").sum().over("execution_id", "agent")
    return pl.when("orchestrated").then(together).otherwise("probability")


def _spoken(weights: Weights) -> pl.Expr:
    """The traits that speak for a turn, in words, null where none does."""
    told = []
    for name, words in _SPOKEN.items():
        gain = (pl.col(name) - pl.col(name).mean().over("execution_id")) * weights.traits.get(name, 0.0)
        told.append(pl.when(gain > _SPOKEN_MIN).then(pl.lit(words)))
    together = pl.concat_str(told, separator=", ", ignore_nulls=True)
    return pl.when(together != "").then(together)


def _leading(steps: pl.DataFrame, fired: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """Of what fired on a turn, what weighs most: turn, seen_at, kind, rule, reason."""
    weight = pl.col("rule").replace_strict(dict(weights.rules), default=0.0, return_dtype=pl.Float64)
    found = _by_turn(steps, fired).with_columns((weight * pl.col("score")).alias("weight"))
    best = found.sort("turn", -pl.col("weight"), -pl.col("score"), "at").unique(
        "turn", keep="first", maintain_order=True
    )
    return best.select("turn", pl.col("at").alias("seen_at"), "kind", "rule", "reason")


def _told(named: pl.DataFrame, leading: pl.DataFrame) -> pl.DataFrame:
    found = named.join(leading, left_on="at", right_on="turn", how="left")
    elsewhere = pl.col("seen_at") != pl.col("at")
    most = pl.lit("no rule names it; likely by its place among the turns")
    found = found.with_columns(
        pl.when(elsewhere).then("step_id").alias("cause"), pl.coalesce("seen_at", "at").alias("at")
    )
    suspected = evidence.suspected(
        found,
        kind=pl.col("kind").fill_null("unknown"),
        score=pl.col("probability"),
        reason=pl.concat_str([pl.coalesce("reason", most), "spoken"], separator="; ", ignore_nulls=True),
        cause=pl.col("cause"),
    )
    return suspected.with_columns(found["rule"], found["of_agent"])
