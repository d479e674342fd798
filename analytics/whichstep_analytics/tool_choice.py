"""How well the tools that an execution called match the ones that were right, where someone said which were.

The ground truth is the JSON object of `whichstep.expect`. Calls are matched as multisets: by name, and by name with
arguments (equal as JSON values; a tool whose arguments nobody stated is right with any). Where the order matters only
calls in that order match. For the accuracy a repeat of a failed call is no new choice; precision and recall count every
call, as tau-bench does. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from whichstep_store.digests import digest_of_value

NO_TOOL: Final = "(no tool)"
PERSON: Final = "(a person)"


class Call(NamedTuple):
    """A tool call that was made."""

    tool: str
    arguments_digest: str | None = None
    """32 hex digits of `digest_of_value`; None where the arguments are not known."""
    repeated: bool = False
    """It repeats a failed call of the same action."""
    step_id: int | None = None


class Match(NamedTuple):
    """A tool that was right beside the one that was chosen in its place; NO_TOOL where there is none."""

    expected: str
    chosen: str
    step_id: int | None = None
    arguments_match: bool | None = None
    """Whether the arguments were right, too; None where the tools differ or nobody stated any."""


class Judgement(NamedTuple):
    """What came of comparing calls with an expectation; null where it does not speak of tools."""

    tool_accuracy: float | None
    """Matched ÷ (matched + missing + needless), escalation counted like one more tool; 0 to 1."""
    tools_expected: int | None = None
    tools_called: int | None = None
    tools_matched: int | None = None
    """By name."""
    calls_matched: int | None = None
    """By name and arguments."""
    tool_order: float | None = None
    """1 less the edit distance of the two sequences ÷ the length of the longer one."""
    expected_escalation: bool | None = None
    matches: tuple[Match, ...] = ()


UNJUDGED: Final = Judgement(None)


def judge(expectation: Mapping[str, Any], calls: Sequence[Call], *, escalated: bool | None) -> Judgement:
    """Compares calls with an expectation; an accuracy of 1 where nothing was right to call and nothing was called.

    `any_of` lists alternatives, each a tool or a list of tools that are right beside `tools`; the best one counts.
    `escalation` is judged like one more tool. An expectation that makes no sense judges nothing.
    """
    escalation = expectation.get("escalation")
    escalation = bool(escalation) if escalation is not None else None
    brought_in = _escalation_match(escalation, escalated)
    speaks_of_tools = expectation.get("tools") is not None or bool(expectation.get("any_of"))
    if not speaks_of_tools:
        right = None if brought_in is None else float(brought_in.expected == brought_in.chosen)
        return Judgement(right, expected_escalation=escalation, matches=(brought_in,) if brought_in else ())
    made = [call for call in calls if not call.repeated]
    wanted = max(_alternatives(expectation), key=lambda tools: _accuracy(expectation, tools, made, brought_in))
    names = [call.tool for call in made]
    return Judgement(
        tool_accuracy=_accuracy(expectation, wanted, made, brought_in),
        tools_expected=len(wanted),
        tools_called=len(calls),
        tools_matched=(Counter(wanted) & Counter(call.tool for call in calls)).total(),
        calls_matched=_matched_with_arguments(Counter(wanted), expectation.get("arguments"), calls),
        tool_order=_order(wanted, names),
        expected_escalation=escalation,
        matches=(*_matches(expectation, wanted, made), *((brought_in,) if brought_in else ())),
    )


def _escalation_match(expected: bool | None, escalated: bool | None) -> Match | None:  # noqa: FBT001 (two values that a row has)
    if expected is None or escalated is None or not (expected or escalated):
        return None if expected is None or escalated is None else Match(NO_TOOL, NO_TOOL)
    return Match(PERSON if expected else NO_TOOL, PERSON if escalated else NO_TOOL)


def _order(wanted: Sequence[str], names: Sequence[str]) -> float:
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415  only where somebody said what is right

    return float(Levenshtein.normalized_similarity(wanted, names)) if wanted or names else 1.0


def _accuracy(
    expectation: Mapping[str, Any], wanted: Sequence[str], made: Sequence[Call], escalation: Match | None
) -> float:
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415  see above

    names = [call.tool for call in made]
    ordered = bool(expectation.get("ordered"))
    matched = LCSseq.similarity(wanted, names) if ordered else (Counter(wanted) & Counter(names)).total()
    whole = len(wanted) + (0 if expectation.get("allow_extra") else len(names) - matched)
    if escalation is not None and PERSON in escalation[:2]:
        matched += escalation.expected == escalation.chosen
        whole += 1
    return matched / whole if whole else 1.0


def _matches(expectation: Mapping[str, Any], wanted: Sequence[str], made: Sequence[Call]) -> list[Match]:
    """Right calls first, then what was chosen in place of what, in order; what has no counterpart stands alone."""
    left, right, needless = Counter(wanted), _right_arguments(expectation.get("arguments")), []
    matches = []
    for call in made:
        if left[call.tool]:
            left[call.tool] -= 1
            matches.append(Match(call.tool, call.tool, call.step_id, _arguments_match(call, right)))
        else:
            needless.append(call)
    missing = [tool for tool in wanted if left[tool] and not left.subtract([tool])]
    if expectation.get("allow_extra"):
        needless = []
    for tool, chosen in zip_longest(missing, needless):
        matches.append(Match(tool or NO_TOOL, chosen.tool if chosen else NO_TOOL, chosen.step_id if chosen else None))
    return matches or [Match(NO_TOOL, NO_TOOL)]


def _right_arguments(stated: object) -> dict[str, Counter[str | None]]:
    return {tool: _digests(value) for tool, value in stated.items()} if isinstance(stated, dict) else {}


def _arguments_match(call: Call, right: Mapping[str, Counter[str | None]]) -> bool | None:
    """Whether the arguments are right ones that no call had before."""
    known = right.get(call.tool)
    if not known:
        return None
    if known[call.arguments_digest] <= 0:
        return False
    known[call.arguments_digest] -= 1
    return True


def _matched_with_arguments(wanted: Counter[str], stated: object, calls: Sequence[Call]) -> int:
    """Calls of wanted tools with the arguments that were right for them, each expected call matched once."""
    arguments = stated if isinstance(stated, dict) else {}
    matched = 0
    for tool, count in wanted.items():
        made = Counter(call.arguments_digest for call in calls if call.tool == tool)
        known = (right & made).total() if (right := _digests(arguments.get(tool))) else made.total()
        matched += min(count, known)
    return matched


def _digests(arguments: object) -> Counter[str | None]:
    """The digests of what a tool should be called with: one set of arguments, or a list of them, one a call."""
    several = [] if arguments is None else arguments if isinstance(arguments, list) else [arguments]
    return Counter(digest_of_value(one).hex() for one in several)


def _alternatives(expectation: Mapping[str, Any]) -> list[list[str]]:
    tools = _names(expectation.get("tools"))
    choices = expectation.get("any_of")
    return [tools + _names(choice) for choice in (choices if isinstance(choices, list) and choices else [[]])]


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, list) else []
