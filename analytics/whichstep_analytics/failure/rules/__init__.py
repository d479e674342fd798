"""The rules by which a step is suspected, each a module; `RULES` lists them.

A rule is a module with a docstring, whose first paragraph says in words what it looks for, and a function
`suspects(steps)`: what `evidence.prepare` gives in, `evidence.SUSPECT_SCHEMA` out. It is pure, knows no other rule and
no framework, and is named as its module. A new rule is a module here, a line below, and its tests, among them one that
it must not fire on. Until data give it a weight (`weights.json`) it has that of any rule.
"""

from __future__ import annotations

from typing import Final, Protocol

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_analytics.failure.rules import (
    approval,
    assumption,
    budget,
    context_overflow,
    cut_off,
    empty_retrieval,
    error_in_result,
    gave_up,
    handoff_ping_pong,
    hard_error,
    ignored_error,
    invalid_arguments,
    loop,
    malformed_output,
    policy_block,
    self_correction,
    stall,
    unchecked_finding,
    ungrounded_output,
    unused_retrieval,
    wrong_answer,
    wrong_tool,
)

SURE: Final = 0.5
"""A rule that is less sure tells only an outcome that nobody knows; beside a judgement it is one voice of several."""


class Rule(Protocol):
    """What a module of this folder is."""

    __name__: str
    __doc__: str | None

    def suspects(self, steps: pl.DataFrame) -> pl.DataFrame:
        """The steps that the rule suspects: SUSPECT_SCHEMA."""


ALWAYS: Final[tuple[Rule, ...]] = (
    hard_error,
    loop,
    policy_block,
    approval,
    empty_retrieval,
    gave_up,
    handoff_ping_pong,
    invalid_arguments,
    malformed_output,
    context_overflow,
)
"""Asked of every execution."""
JUDGED: Final[tuple[Rule, ...]] = (
    wrong_tool,
    ignored_error,
    error_in_result,
    self_correction,
    assumption,
    unchecked_finding,
    ungrounded_output,
    unused_retrieval,
    stall,
    cut_off,
    budget,
    wrong_answer,
)
"""Asked only of executions that somebody judged a failure (`judged`): what they see is seen in good runs, too."""
RULES: Final = (*ALWAYS, *JUDGED)


def name(rule: Rule) -> str:
    """The name of a rule: that of its module."""
    return rule.__name__.rpartition(".")[2]


def words(rule: Rule) -> str:
    """What a rule looks for, in words: the first paragraph of its module."""
    return " ".join((rule.__doc__ or "").partition("\n\n")[0].split())


def fired(steps: pl.DataFrame) -> pl.DataFrame:
    """What all rules suspect, with the column `rule`. `steps`: of `evidence.prepare`, in one chunk."""
    found = [_of(rule, steps) for rule in ALWAYS]
    judged = steps.filter("judged").rechunk()
    if judged.height:
        found += [_of(rule, judged) for rule in JUDGED]
    suspects: pl.DataFrame = pl.concat(found)
    assert suspects.schema == {**evidence.SUSPECT_SCHEMA, "rule": pl.String()}  # noqa: S101 - a rule kept its word
    return suspects


def _of(rule: Rule, steps: pl.DataFrame) -> pl.DataFrame:
    return rule.suspects(steps).with_columns(pl.lit(name(rule)).alias("rule"))
