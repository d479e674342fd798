"""Rules that cannot be reached where they stand: they never apply, or an earlier one always does. Standard library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whichstep.policy.rules import Rule


def out_of_order(rules: Sequence[Rule]) -> Iterator[tuple[Rule, str, str]]:
    """Each rule that is wrong where it stands, what is wrong, and the remedy."""
    by_name: dict[str, list[Rule]] = {}
    with_patterns: list[Rule] = []
    ids: dict[str, Rule] = {}
    for rule in rules:
        if rule.id and ids.setdefault(rule.id, rule) is not rule:
            yield rule, f"another rule has this id{_line_of(ids[rule.id])}", "give each rule an id of its own"
        if (why := rule.never_applies()) is not None:
            yield rule, f"the rule never applies: {why}", "make two rules of it, or mend the condition"
        # Whatever covers a rule covers its first name: by the same text, or by a pattern.
        for earlier in (*by_name.get(rule.actions[0].text, ()), *with_patterns):
            if earlier.covers(rule):
                yield (rule, *_never_reached(rule, earlier))
                break
        for glob in rule.actions:
            by_name.setdefault(glob.text, []).append(rule)
        if not all(glob.is_exact for glob in rule.actions):
            with_patterns.append(rule)


def _never_reached(rule: Rule, earlier: Rule) -> tuple[str, str]:
    if rule.covers(earlier) and rule.risk_level != earlier.risk_level:
        levels = f"{rule.risk_level} here, {earlier.risk_level} there"
        return f"contradicts rule {earlier.name}{_line_of(earlier)}: {levels}", "keep one of the two"
    what = f"is never reached: rule {earlier.name}{_line_of(earlier)} applies to all that it is about"
    return what, "put it before that rule, or remove it"


def _line_of(rule: Rule) -> str:
    return f" (line {rule.line})" if rule.line else ""
