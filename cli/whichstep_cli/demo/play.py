"""How one execution of the sample history goes: the usual course of its task, bent by at most one mishap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.demo.tasks import Action, Task
from whichstep_cli.demo.timeline import Failure, Timeline

RATE_LIMITED: Final = Failure("RateLimitError", "Error code: 429 - rate limit reached for requests, retry in 2 s")
OVERFLOW: Final = Failure(
    "BadRequestError", "Error code: 400 - context_length_exceeded: the messages exceed the context window"
)
MODEL_DOWN: Final = Failure("InternalServerError", "Error code: 500 - the server had an error")
LOOP_LIMIT: Final = Failure("GraphRecursionError", "Recursion limit of 12 reached without hitting a stop condition")
WRONG: Final = Action("close_ticket", {"ticket": "{number}"}, {"state": "closed"}, 0.2)
STILL_OPEN: Final = Failure("InvalidStateError", "close_ticket: the ticket has an open request")
APOLOGY: Final = "I am sorry, I could not do this. Please try again later."


@dataclass(frozen=True, slots=True)
class Ending:
    """How it came out; `success` none is an outcome that nobody can tell."""

    output: str | None
    success: bool | None
    explanation: str
    failure: Failure | None = None
    ungrounded: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """How a release gets arguments wrong that the others get right, and what the tool says to it."""

    written: str
    said: str


TROUBLES: Final = (
    Trouble("{} EUR", "must be a plain value, without a unit"),
    Trouble("[{}]", "must not be in brackets"),
    Trouble("{}, {}", "must be given once"),
    Trouble("about {}", "must be exact"),
    Trouble("{}.", "must not end in a full stop"),
    Trouble("#{}", "must not begin with a number sign"),
)
"""One a release, in turn: over eight weeks each is new with its release and gone with the next."""


def play(timeline: Timeline, task: Task, case: dict[str, str], mishap: str | None, trouble: Trouble) -> Ending:
    """Append the steps of one run to the timeline and say how it ended."""
    found = 0 if mishap == "empty_retrieval" else task.articles
    articles = [{"id": f"kb-{number}", "score": round(0.9 - number / 10, 2)} for number in range(found)]
    timeline.retrieve(task.question.format(**case), articles, timeline.seconds(0.12))
    if mishap in _MODEL_MISHAPS:
        ending = _model_mishap(timeline, mishap)
        if ending:
            return ending
    for action in task.actions[: task.key]:
        _act(timeline, action, case)
    for action in task.actions[task.key : task.key + 1]:
        ending = _key_action(timeline, task, action, case, mishap, trouble)
        if ending:
            return ending
    for action in task.actions[task.key + 1 :]:
        _act(timeline, action, case)
    reason = _HANDED_OVER.get(mishap or "")
    return _hand_over(timeline, *reason) if reason else _answer(timeline, task, case, mishap)


_HANDED_OVER: Final = {
    "handed_over": ("agent", "not sure of the answer, handed over to a person"),
    "asked_for_person": ("user", "the customer asked for a person"),
}
_MODEL_MISHAPS: Final = frozenset({"rate_limited", "model_error", "context_overflow"})


def _model_mishap(timeline: Timeline, mishap: str | None) -> Ending | None:
    if mishap == "rate_limited":
        timeline.chat_fails(RATE_LIMITED, timeline.seconds(0.1))
        timeline.clock += 2_000_000_000  # waits as it was told, and goes on
        return None
    failure = MODEL_DOWN if mishap == "model_error" else OVERFLOW
    timeline.chat_fails(failure, timeline.seconds(0.8))
    return Ending(None, success=False, explanation="the model call failed", failure=failure)


def _key_action(
    timeline: Timeline, task: Task, action: Action, case: dict[str, str], mishap: str | None, trouble: Trouble
) -> Ending | None:
    """The action that matters and what may happen to it; none when the run goes on to its answer."""
    if mishap == "loop":
        for _ in range(5):
            _act(timeline, action, case, {"state": "pending"})
        return Ending(None, success=False, explanation="the same call again and again", failure=LOOP_LIMIT)
    if task.needs_approval and not _approved(timeline, action, case, rejected=mishap == "rejected"):
        timeline.say(APOLOGY)
        return Ending(APOLOGY, success=False, explanation="a person rejected the action")
    if mishap == "wrong_tool":
        return _fails(timeline, WRONG, case, mishap, STILL_OPEN, {})
    failure, changed = _failure_of(action, case, mishap, trouble)
    if failure and mishap not in _MENDED:
        return _fails(timeline, action, case, mishap, failure, changed)
    if failure:
        _act(timeline, action, case, failure, changed)
    _act(timeline, action, case)
    return None


def _fails(
    timeline: Timeline,
    action: Action,
    case: dict[str, str],
    mishap: str | None,
    failure: Failure,
    changed: dict[str, str],
) -> Ending:
    """The action fails for good: a timeout ends the run, after anything else the agent gives up or fetches help."""
    timed_out = failure.type == "TimeoutError"
    _act(timeline, action, case, failure, changed, seconds=8.0 if timed_out else None)
    if timed_out:
        return Ending(None, success=False, explanation="a tool did not answer", failure=failure)
    if mishap == "failed_and_handed_over":
        return _hand_over(timeline, "failure", f"{action.tool} failed, handed over to a person")
    timeline.say(APOLOGY)
    return Ending(APOLOGY, success=False, explanation=f"{action.tool} failed and the agent gave up")


_MENDED: Final = frozenset({"flaky_tool", "corrected_arguments"})
"""The agent asks again, the same or better, and goes on."""


def _failure_of(
    action: Action, case: dict[str, str], mishap: str | None, trouble: Trouble
) -> tuple[Failure | None, dict[str, str]]:
    """What the tool raises, and the arguments that were wrong where they are the cause."""
    tool, name = action.tool, list(action.arguments)[-1]
    unavailable = Failure("GatewayError", f"{tool}: the service behind it answered 503")
    failures = {
        "gateway_error": unavailable,
        "failed_and_handed_over": unavailable,
        "tool_timeout": Failure("TimeoutError", f"{tool} did not answer within 8 s"),
        "flaky_tool": Failure("ConnectionResetError", f"{tool}: connection reset by peer"),
    }
    if mishap in ("invalid_arguments", "corrected_arguments"):
        return Failure("ValidationError", f"{tool}: {name} is missing: 'n/a'"), {name: "n/a"}
    if mishap == "release_trouble":
        right = action.arguments[name].format(**case)
        wrong = trouble.written.format(right, right)
        return Failure("ValidationError", f"{tool}: {name} {trouble.said}: {wrong!r}"), {name: wrong}
    return failures.get(mishap or ""), {}


def _act(
    timeline: Timeline,
    action: Action,
    case: dict[str, str],
    outcome: object = None,
    changed: dict[str, Any] | None = None,
    seconds: float | None = None,
) -> None:
    """The model asks for the action and the tool runs."""
    arguments = {name: _given(text, case) for name, text in action.arguments.items()} | (changed or {})
    result = {name: text.format(**case) for name, text in action.result.items()} if outcome is None else outcome
    call_id = timeline.ask(action.tool, arguments)
    timeline.tool(action.tool, call_id, arguments, result, seconds or timeline.seconds(action.seconds, 0.6))


def _given(text: str, case: dict[str, str]) -> str | float:
    """An argument filled in; an amount is a number, as tools take it and policies compare it."""
    return float(case["amount"]) if text == "{amount}" else text.format(**case)


def _approved(timeline: Timeline, action: Action, case: dict[str, str], *, rejected: bool) -> bool:
    """Asks a person where the amount is high; most say yes, some time later."""
    if not rejected and float(case["amount"]) < 50:
        return True
    asked = f"{action.tool} for {case['amount']} euros"
    found = {names.ESCALATION: "policy", names.INPUT: asked, names.OUTPUT: "rejected" if rejected else "approved"}
    failure = Failure("ApprovalRejected", f"a person rejected {asked}") if rejected else None
    timeline.wait_for_person("approval", f"approve {action.tool}", timeline.seconds(600, 0.9), found, failure)
    return not rejected


def _hand_over(timeline: Timeline, reason: str, summary: str) -> Ending:
    found = {names.ESCALATION: reason, names.STEP_SUMMARY: summary}
    timeline.wait_for_person("handoff", "hand over to a person", 0.2, found)
    said = "I have passed your question on to a colleague, who will write to you."
    timeline.say(said)
    return Ending(said, success=None, explanation="")


def _answer(timeline: Timeline, task: Task, case: dict[str, str], mishap: str | None) -> Ending:
    answer = task.answer.format(**case)
    if mishap == "made_up":
        answer += f" Your reference is RF-{timeline.rng.randrange(10_000, 100_000)}."
        timeline.say(answer)
        return Ending(answer, success=False, explanation="gave a reference that nobody told it", ungrounded=True)
    timeline.say(answer)
    if mishap == "empty_retrieval":
        return Ending(answer, success=False, explanation="answered without a source", ungrounded=True)
    return Ending(answer, success=True, explanation="the expected actions were taken")
