"""A contract proposed from good executions: what enough of them did is allowed, all else is not.

Steps are the outermost steps that are no tools; tools belong to the step that they were called in, or after. A
transition stays where at least `support` of the executions took it. Rules are proposed where no execution broke them,
budgets are what the good executions needed at most.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from whichstep.contract import END, Contract, parse
from whichstep.contract.machine import FRAMES, TOOLS
from whichstep.contract.model import LEVELS
from whichstep_analytics.conformance import proposals
from whichstep_analytics.conformance.events import placed
from whichstep_analytics.conformance.sequences import MODEL
from whichstep_analytics.jobs import tree

EXECUTIONS_MIN: Final = 5
SUPPORT: Final = 0.05
_START: Final = "start"


class NothingToLearn(Exception):  # noqa: N818  what happened, in words
    """There are too few good executions, or they did nothing; the message says which."""


class Learned(NamedTuple):
    """The contract, and of how many executions."""

    contract: Contract
    executions: int


def learn(
    name: str, steps: pl.DataFrame, executions: pl.DataFrame, *, support: float = SUPPORT, level: int | None = None
) -> Learned:
    """Propose a contract.

    Args:
        name: Of the workflow.
        steps: STEP_COLUMNS of the steps of good executions.
        executions: EXECUTION_COLUMNS of these executions.
        support: Share of the executions that a transition or tool needs to be allowed.
        level: Autonomy level; the lowest that allows what is seen, 2 or 3, unless given.

    Raises:
        NothingToLearn: there are fewer than five executions, or they did nothing.
        ConfigurationError: what was seen cannot be said at that level.
    """
    total = executions.height
    if total < EXECUTIONS_MIN:
        raise NothingToLearn(f"{total} good executions are too few to learn from; {EXECUTIONS_MIN} are needed")
    acts = _acts(steps)
    least = max(1.0, support * total)
    following = _through(_transitions(acts, least))
    if not following:
        raise NothingToLearn(f"no way from start to end was taken by {support:.0%} of {total} executions")
    said = _said(name, level, following, _tools(acts, least), acts)
    said |= {"budgets": proposals.budgets(acts, executions), "rules": proposals.rules(acts, EXECUTIONS_MIN)}
    return Learned(parse(said, file=f"the contract learned for {name}"), total)


def _acts(steps: pl.DataFrame) -> pl.DataFrame:
    """execution_id, position, type, label, role (step, tool, approval), around: the step of a tool; in order."""
    steps = placed(steps)
    is_tool = steps["type"].is_in(list(TOOLS))
    acting = ~steps["type"].is_in(list(FRAMES))
    if not (acting & ~is_tool).any():
        is_tool = pl.Series([False]).new_from_index(0, steps.height)  # an agent of tools alone: they are the steps
    is_step = acting & ~is_tool
    is_step &= tree.nearest(steps["parent_at"], kept=is_step).is_null()
    role = pl.when(is_step).then(pl.lit("step")).when(is_tool).then(pl.lit("tool"))
    role = role.when(pl.col("type") == "approval").then(pl.lit("approval"))
    label = pl.when(pl.col("type") == "llm_call").then(pl.lit(MODEL)).otherwise("name")
    labelled = steps.with_columns(label.alias("label"), role.alias("role"))
    inside = labelled["label"].gather(tree.nearest(steps["parent_at"], kept=is_step))
    last = pl.when(pl.col("role") == "step").then("label").forward_fill().over("execution_id")
    return (
        labelled.with_columns(pl.coalesce(pl.lit(inside), last).alias("around"))
        .filter(pl.col("role").is_not_null())
        .select("execution_id", "position", "type", "label", "role", "around")
    )


def _transitions(acts: pl.DataFrame, least: float) -> dict[str, list[str]]:
    """For each step what came after it in enough executions; `start` is among the keys."""
    steps = acts.filter(pl.col("role") == "step")
    before = pl.col("label").shift(1).over("execution_id").fill_null(_START).alias("from")
    pairs = steps.select("execution_id", before, pl.col("label").alias("to"))
    last = steps.group_by("execution_id", maintain_order=True).agg(pl.col("label").last().alias("from"))
    pairs = pl.concat([pairs, last.with_columns(pl.lit(END).alias("to"))])
    return _grouped(pairs.group_by("from", "to").agg(pl.col("execution_id").n_unique().alias("n")), least)


def _tools(acts: pl.DataFrame, least: float) -> dict[str, list[str]]:
    """For each step the tools that enough executions called in it; under `start` those that were called before any."""
    tools = acts.filter(pl.col("role") == "tool").select("execution_id", pl.col("around").fill_null(_START), "label")
    return _grouped(tools.group_by("around", "label").agg(pl.col("execution_id").n_unique().alias("n")), least)


def _grouped(counted: pl.DataFrame, least: float) -> dict[str, list[str]]:
    """The second column by the first, most frequent first, where column n is large enough."""
    key, value, _ = counted.columns
    kept = counted.filter(pl.col("n") >= least).sort("n", key, value, descending=[True, False, False])
    found: dict[str, list[str]] = defaultdict(list)
    for source, target, _ in kept.iter_rows():
        found[source].append(target)
    return found


def _through(following: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Only the steps that lie on a way from the start to the end; empty where there is none."""
    ahead = _reached(_START, following)
    back: dict[str, list[str]] = defaultdict(list)
    for source, targets in following.items():
        for target in targets:
            back[target].append(source)
    leaving = _reached(END, back)
    if _START not in leaving:
        return {}
    kept = [step for step in ahead if step in leaving]
    return {
        step: sorted((to for to in following[step] if to in kept), key=lambda to: to == END)
        for step in kept
        if step != END
    }


def _reached(first: str, following: Mapping[str, list[str]]) -> list[str]:
    """What can be reached, nearest first, the first included."""
    reached = dict.fromkeys([first])
    waiting = deque(reached)
    while waiting:
        for target in following.get(waiting.popleft(), ()):
            if target not in reached:
                reached[target] = None
                waiting.append(target)
    return list(reached)


def _said(
    name: str, level: int | None, following: Mapping[str, list[str]], tools: Mapping[str, list[str]], acts: pl.DataFrame
) -> dict[str, Any]:
    """The contract as a mapping, without budgets and rules."""
    calls = set(acts.filter(pl.col("type") == "llm_call")["label"])
    tables = {step: _step(step, calls, targets, tools) for step, targets in following.items() if step != _START}
    choice = _START in tools or any(len(table.get("tools", ())) > 1 for table in tables.values())
    chosen = level or (3 if choice else 2)
    said: dict[str, Any] = {"name": name, "level": chosen, "start": following[_START], "steps": tables}
    if chosen == max(LEVELS):
        del said["start"]
        for table in tables.values():
            del table["next"]
    if _START in tools:
        said["tools"] = tools[_START]
    return said


def _step(name: str, calls: set[str], targets: list[str], tools: Mapping[str, list[str]]) -> dict[str, Any]:
    matching = {"type": "llm_call", "match": ["*"]} if name == MODEL and name in calls else {}
    return {"next": targets, **matching, **({"tools": tools[name]} if name in tools else {})}
