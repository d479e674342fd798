"""Weeks of sample history: which executions ran on a day, and what went wrong in them.

Pure and deterministic: a day's executions depend on the seed and the date alone, so a second run sends the same ids
again and adds nothing. Every release has a trouble of its own, which is new with it and gone with the next. In one
release in four the trouble is everywhere, the agent loops more often, and its prompts are longer: the regression that
the figures are there to show.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from whichstep import attributes as names
from whichstep_cli.demo.play import TROUBLES, Ending, play
from whichstep_cli.demo.tasks import AGENTS, TASKS, Task, fill_in
from whichstep_cli.demo.timeline import PlannedStep, Timeline

RELEASE_DAYS: Final = 14
RELEASE_WEEKDAY: Final = 10
"""Days from the first Monday of the calendar to the first release: they go out on Wednesdays."""
RELEASES_PER_CYCLE: Final = 4
REGRESSED: Final = 3
"""Which release of a cycle is the bad one."""
EXECUTIONS_PER_DAY: Final = {True: 60, False: 18}
"""On working days, and on weekends."""

# What goes wrong, in how many of a thousand executions.
MISHAPS: Final[dict[str, int]] = {
    "gateway_error": 22,
    "tool_timeout": 12,
    "flaky_tool": 45,
    "rate_limited": 35,
    "loop": 8,
    "empty_retrieval": 18,
    "wrong_tool": 12,
    "invalid_arguments": 10,
    "release_trouble": 20,
    "corrected_arguments": 28,
    "model_error": 8,
    "context_overflow": 4,
    "rejected": 15,
    "handed_over": 25,
    "asked_for_person": 8,
    "failed_and_handed_over": 6,
    "made_up": 4,
}
LATER_TURN: Final[dict[str, int]] = {"made_up": 10, "corrected_arguments": 30, "gateway_error": 25}
"""What is more frequent with every further turn of a session, in how many of a thousand."""
FOLLOWED: Final = 0.3
"""Share of the executions after which the same customer asks something else, minutes later."""
TURNS_MAX: Final = 5
LABELLED: Final = 0.4
"""Share of the executions for which somebody has written down the right tools."""
REGRESSION: Final[dict[str, int]] = {"release_trouble": 260, "loop": 30}
"""What is more frequent in the bad release, in how many of a thousand."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A statement about the execution, made by a program or a model."""

    name: str
    score: float
    source: str
    explanation: str


@dataclass(frozen=True, slots=True)
class PlannedExecution:
    """One execution to be sent: `steps[0]` is its root; its trace has the same id."""

    execution_id: str
    service: str
    release: str
    environment: str
    steps: list[PlannedStep]
    evaluations: tuple[Evaluation, ...]
    seed: str
    """For the ids of its spans."""


def executions(*, weeks: int, seed: int, until: dt.date) -> Iterator[PlannedExecution]:
    """All executions of the `weeks` before the day `until`, oldest day first."""
    for days_ago in range(weeks * 7, 0, -1):
        yield from _executions_of(until - dt.timedelta(days=days_ago), seed)


def release_of(day: dt.date) -> str:
    """The release that ran on a day, named for the day it went out."""
    started = dt.date.fromordinal(_release_number(day) * RELEASE_DAYS + RELEASE_WEEKDAY)
    return f"{started.year}.{started.month}.{started.day}"


def is_regressed(day: dt.date) -> bool:
    """Whether the bad release ran on that day."""
    return _release_number(day) % RELEASES_PER_CYCLE == REGRESSED


def _release_number(day: dt.date) -> int:
    return (day.toordinal() - RELEASE_WEEKDAY) // RELEASE_DAYS


def _executions_of(day: dt.date, seed: int) -> Iterator[PlannedExecution]:
    rng = random.Random(f"{seed} {day}")  # noqa: S311 (sample data)
    count = round(EXECUTIONS_PER_DAY[day.weekday() < 5] * rng.uniform(0.85, 1.15))
    turn = _Turn(1, "", "", "", 0)
    for number in range(count):
        found, clock = _execution(day, f"{seed} {day} {number}", turn)
        root = found.steps[0]
        session, customer = (str(root.attributes[name]) for name in (names.SESSION_ID, names.USER_ID))
        pause = int(rng.uniform(60, 900) * 1e9)
        same_day = dt.datetime.fromtimestamp((clock + pause) // 10**9 + 300, dt.UTC).date() == day
        goes_on = turn.number < TURNS_MAX and rng.random() < FOLLOWED and same_day
        turn = (
            _Turn(turn.number + 1, session, customer, root.name, clock + pause) if goes_on else _Turn(1, "", "", "", 0)
        )
        yield found


class _Turn(NamedTuple):
    """Which turn of a session an execution is; of a later one whose, with which agent, and when."""

    number: int
    session: str
    customer: str
    agent: str
    clock: int


def _execution(day: dt.date, seed: str, turn: _Turn) -> tuple[PlannedExecution, int]:
    """One execution, and when it ended."""
    rng = random.Random(seed)  # noqa: S311 (sample data)
    execution_id = f"{rng.getrandbits(128) | 1:032x}"
    tasks = [task for task in TASKS if turn.agent in ("", task.agent)]
    task = rng.choices(tasks, [task.share for task in tasks])[0]
    case = fill_in(rng)
    identity = _identity(execution_id, task, case, rng)
    regressed = is_regressed(day) and task.agent == "support_agent"
    timeline = _timeline(rng, day, task, regressed=regressed)
    if turn.number > 1:
        identity |= {names.SESSION_ID: turn.session, names.USER_ID: turn.customer}
        timeline.clock = turn.clock
    timeline.open(task.agent, task.question.format(**case), identity)
    mishap = _mishap(rng, task, regressed=regressed, turn=turn.number)
    ending = play(timeline, task, case, mishap, TROUBLES[_release_number(day) % len(TROUBLES)])
    timeline.close(ending.output, ending.failure, _outcome(rng, ending))
    planned = PlannedExecution(
        execution_id=execution_id,
        service=AGENTS[task.agent].service,
        release=release_of(day),
        environment="prod",
        steps=timeline.steps,
        evaluations=tuple(_evaluations(rng, ending)),
        seed=seed,
    )
    return planned, timeline.clock


def _timeline(rng: random.Random, day: dt.date, task: Task, *, regressed: bool) -> Timeline:
    agent = AGENTS[task.agent]
    midnight = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())
    second = min(max(rng.gauss(13.5, 3.5), 0.0), 23.5) * 3600  # most work comes in the afternoon
    return Timeline(
        rng=rng,
        clock=(midnight * 1_000_000 + int(second * 1_000_000)) * 1_000,
        model=agent.model,
        provider=agent.provider,
        instructions=agent.instructions,
        pace=1.35 if regressed else 1.0,
        verbosity=1.7 if regressed else 1.0,
    )


def _mishap(rng: random.Random, task: Task, *, regressed: bool, turn: int) -> str | None:
    odds = {**MISHAPS, **(REGRESSION if regressed else {})}
    odds |= {name: odds[name] + more * (turn - 1) for name, more in LATER_TURN.items()}
    possible = {name: weight for name, weight in odds.items() if task.actions or name in _WITHOUT_TOOLS}
    if not task.needs_approval:
        possible.pop("rejected", None)
    drawn = rng.choices([*possible, ""], [*possible.values(), 1000 - sum(possible.values())])[0]
    return drawn or None


_WITHOUT_TOOLS: Final = frozenset(
    {"rate_limited", "empty_retrieval", "model_error", "handed_over", "asked_for_person", "made_up"}
)


def _identity(execution_id: str, task: Task, case: dict[str, str], rng: random.Random) -> dict[str, Any]:
    expected = json.dumps({"tools": [action.tool for action in task.actions]})
    return {
        **({names.EXPECTATION: expected} if rng.random() < LABELLED else {}),
        names.EXECUTION_ID: execution_id,
        names.TASK_ID: f"T-{execution_id[:8]}",
        names.TASK_TYPE: task.task_type,
        names.PURPOSE: "demo",
        names.SESSION_ID: f"session-{execution_id[:10]}",
        names.USER_ID: case["customer"],
        names.TAGS: ["sample data", *(["vip"] if rng.random() < 0.1 else [])],
    }


def _outcome(rng: random.Random, ending: Ending) -> dict[str, Any]:
    """The agent's code checks most runs; of the rest, nobody has said yet whether they went well."""
    if ending.success is None or rng.random() > 0.8:
        return {}
    return {names.OUTCOME_SUCCESS: ending.success, names.OUTCOME_EXPLANATION: ending.explanation}


def _evaluations(rng: random.Random, ending: Ending) -> Iterator[Evaluation]:
    if rng.random() > 0.3:
        return
    grounded = 0.25 if ending.ungrounded else 0.9
    score = round(min(max(rng.gauss(grounded, 0.07), 0.0), 1.0), 2)
    yield Evaluation("grounded", score, "LLM", "compared with the articles that were retrieved")
    if ending.success is not None:
        yield Evaluation("task_success", float(ending.success), "LLM", ending.explanation)
