"""Reads a policy from mappings: the flat map, or the full form of `policy.toml`. Tells all that is wrong, with lines.

Rules are tried in the order of the file; what `[actions]` says comes after them, whole names before patterns. The
first that applies decides, so a rule that an earlier one covers is an error, and so is one that can never apply.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from whichstep.attributes import RISK_LEVELS
from whichstep.errors import ConfigurationError, Problem
from whichstep.policy.conditions import EXAMPLE, parse
from whichstep.policy.decision import EXPIRES_IN_SECONDS
from whichstep.policy.durations import seconds_of
from whichstep.policy.globs import Glob
from whichstep.policy.lines import Place
from whichstep.policy.order import out_of_order
from whichstep.policy.rules import Rule

TOP_KEYS: Final = ("default", "approval", "actions", "rule")
APPROVAL_KEYS: Final = ("reviewers", "quorum", "requester_may_review", "expires_in")
RULE_KEYS: Final = ("id", "action", "risk_level", "when", "environment", "agent", "reason", *APPROVAL_KEYS)


class Read(NamedTuple):
    """What was read: rules in the order in which they are tried, and the level of actions that none of them names."""

    rules: tuple[Rule, ...]
    default: str | None
    approval: Mapping[str, Any]
    """How approvals are decided where a rule does not say: the fields of Rule."""


class Reader:
    """Reads one policy and collects what is wrong with it."""

    def __init__(self, file: str, lines: Mapping[Place, int] | None = None) -> None:
        self._file, self._lines = file, lines or {}
        self._problems: list[Problem] = []

    def read(self, form: Mapping[str, Any]) -> Read:
        """Read the full form.

        Raises:
            ConfigurationError: something is wrong; `problems` has all of it.
        """
        self._known(form, TOP_KEYS, Where("", 0), other="names of actions stand under [actions], rules under [[rule]]")
        default = self._level(form.get("default"), Where("", 0, "default")) if "default" in form else None
        approval = self._approval(self._table(form, "approval"), Where("approval", 0))
        self._check_quorum(approval, Where("approval", 0))
        rules = [rule for rule in (*self._rules(form, approval), *self._actions(form, approval)) if rule is not None]
        for rule, what, remedy in out_of_order(rules):
            self._wrong(Where("", 0, rule=rule.name, line=rule.line), what, remedy)
        if self._problems:
            raise ConfigurationError(problems=sorted(self._problems, key=lambda problem: problem.line or 0))
        return Read(tuple(rules), default, approval)

    # The parts of the form.

    def _rules(self, form: Mapping[str, Any], approval: Mapping[str, Any]) -> Iterator[Rule | None]:
        given = form.get("rule", [])
        if not isinstance(given, list) or not all(isinstance(rule, Mapping) for rule in given):
            self._wrong(Where("", 0, "rule"), "rule is no list of tables", "begin each rule with [[rule]]")
            return
        for number, rule in enumerate(given):
            yield self._rule(rule, approval, Where("rule", number, rule=_label(rule, number)))

    def _rule(self, given: Mapping[str, Any], approval: Mapping[str, Any], where: Where) -> Rule | None:
        before = len(self._problems)
        self._known(given, RULE_KEYS, where)
        level = self._level(given.get("risk_level"), where._replace(key="risk_level"))
        fields = {
            **(approval if level == "approve" else {}),
            **self._approval(given, where),
            "id": self._text(given, "id", where),
            "reason": self._text(given, "reason", where),
            "actions": self._globs(given, "action", where),
            "environments": self._globs(given, "environment", where),
            "agents": self._globs(given, "agent", where),
            "when": self._each(given, "when", where, parse, EXAMPLE),
            "risk_level": level,
            "line": self._line(where),
        }
        self._check_quorum(fields, where)
        for key in APPROVAL_KEYS if level in {"auto", "log", "block"} else ():
            if key in given:
                what = f"{key} has no meaning for an action that nobody is asked for ({level})"
                self._wrong(where._replace(key=key), what, 'remove it, or set risk_level = "approve"')
        if "action" not in given:
            self._wrong(where, "the rule names no action", 'add action = "name", a pattern, or a list of them')
        if len(self._problems) > before:
            return None
        return Rule(**fields)

    def _actions(self, form: Mapping[str, Any], approval: Mapping[str, Any]) -> list[Rule | None]:
        rules: list[Rule | None] = []
        for name, level in self._table(form, "actions").items():
            where = Where("actions", 0, name, rule=name)
            glob, read = self._each({"action": name}, "action", where, Glob), self._level(level, where)
            fields = approval if read == "approve" else {}
            rules.append(
                Rule(actions=glob, risk_level=read, line=self._line(where), **fields) if glob and read else None
            )
        return sorted(rules, key=lambda rule: rule is not None and not rule.actions[0].is_exact)

    # The fields.

    def _approval(self, given: Mapping[str, Any], where: Where) -> dict[str, Any]:
        if where.table == "approval":
            self._known(given, APPROVAL_KEYS, where)
        fields: dict[str, Any] = {}
        if "reviewers" in given:
            fields["reviewers"] = self._each(given, "reviewers", where, _name)
        if "quorum" in given:
            fields["quorum"] = self._whole(given["quorum"], where._replace(key="quorum"))
        if "requester_may_review" in given:
            fields["requester_may_review"] = self._flag(given, "requester_may_review", where)
        if "expires_in" in given:
            fields["expires_in_seconds"] = self._seconds(given["expires_in"], where._replace(key="expires_in"))
        return fields

    def _check_quorum(self, fields: Mapping[str, Any], where: Where) -> None:
        reviewers, quorum = fields.get("reviewers"), fields.get("quorum", 1)
        if reviewers and quorum > len(reviewers):
            what = f"quorum {quorum} can never be reached by {len(reviewers)} reviewers"
            self._wrong(where._replace(key="quorum"), what, "name more reviewers or lower the quorum")

    def _level(self, value: Any, where: Where) -> str:
        if isinstance(value, str) and value in RISK_LEVELS:
            return value
        what = "there is no risk_level" if value is None else f"{value!r} is no risk level{_meant(value, RISK_LEVELS)}"
        self._wrong(where, what, f"use one of {', '.join(RISK_LEVELS)}")
        return ""

    def _text(self, given: Mapping[str, Any], key: str, where: Where) -> str:
        value = given.get(key, "")
        if not isinstance(value, str):
            self._wrong(where._replace(key=key), f"{key} is no text: {value!r}", "put it in quotes")
            return ""
        return value

    def _flag(self, given: Mapping[str, Any], key: str, where: Where) -> bool:
        if not isinstance(given[key], bool):
            self._wrong(where._replace(key=key), f"{key} is {given[key]!r}", "write true or false")
        return given[key] is True

    def _whole(self, value: Any, where: Where) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100:
            self._wrong(where, f"{where.key} is {value!r}", "use a whole number from 1 to 100")
            return 1
        return value

    def _seconds(self, value: Any, where: Where) -> float:
        try:
            return seconds_of(value)
        except ValueError as error:
            self._wrong(where, f"expires_in: {error}", 'write "30m", "4h" or "2d", or a number of seconds')
            return EXPIRES_IN_SECONDS

    def _globs(self, given: Mapping[str, Any], key: str, where: Where) -> tuple[Glob, ...]:
        return self._each(given, key, where, Glob)

    def _each(
        self,
        given: Mapping[str, Any],
        key: str,
        where: Where,
        read: Callable[[Any], Any],
        remedy: str = "write a text, or a list of texts",
    ) -> tuple[Any, ...]:
        """What a text, or each of a list, reads as; what cannot be read is a problem."""
        if key not in given:
            return ()
        where = where if where.key else where._replace(key=key)
        listed = given[key] if isinstance(given[key], list) else [given[key]]
        if not listed:
            self._wrong(where, f"{key} is an empty list", "leave it out, or name something")
        found = []
        for value in listed:
            try:
                found.append(read(_is_text(value)))
            except ValueError as error:
                self._wrong(where, f"{key}: {error}", remedy)
        return tuple(found)

    def _table(self, form: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = form.get(key, {})
        if isinstance(table, Mapping):
            return table
        self._wrong(Where("", 0, key), f"{key} is no table", f"begin it with [{key}]")
        return {}

    def _known(self, given: Mapping[str, Any], keys: tuple[str, ...], where: Where, other: str = "") -> None:
        for key in given:
            if key not in keys:
                remedy = other or f"known are {', '.join(keys)}"
                self._wrong(where._replace(key=str(key)), f"unknown key {key!r}{_meant(key, keys)}", remedy)

    # Where, and what is wrong there.

    def _line(self, where: Where) -> int | None:
        if where.line is not None:
            return where.line
        tried = ((where.table, where.number, where.key), (where.table, where.number, ""), ("", 0, where.table))
        return next((self._lines[place] for place in tried if place in self._lines), None)

    def _wrong(self, where: Where, what: str, remedy: str) -> None:
        self._problems.append(Problem(self._file, what, remedy, self._line(where), where.rule or None))


class Where(NamedTuple):
    """A place in the form."""

    table: str
    number: int
    key: str = ""
    rule: str = ""
    line: int | None = None


def _label(rule: Mapping[str, Any], number: int) -> str:
    given = rule.get("id") or rule.get("action")
    return given if isinstance(given, str) else f"number {number + 1}"


def _is_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004  one kind of error for all that cannot be read
    return value


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("a name is empty")
    return value


def _meant(value: Any, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(str(value), known, 1)
    return f", is {nearest[0]} meant?" if nearest else ""
