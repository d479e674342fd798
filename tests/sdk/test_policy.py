"""A policy: which rule decides, what cannot be judged, and what is refused at load."""

import json
import logging
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep.attributes import RISK_LEVELS
from whichstep.errors import ConfigurationError
from whichstep.policy import Policy, stricter
from whichstep.policy.decision import is_stricter

REFUNDS = """
[approval]
expires_in = "2h"

[[rule]]
id = "large refunds"
action = "issue_refund"
when = ["amount > 100", "currency == 'EUR'"]
risk_level = "approve"
reviewers = ["ann", "ben"]
quorum = 2
requester_may_review = false
reason = "two people decide"

[[rule]]
action = ["issue_refund", "refund_*"]
risk_level = "log"

[actions]
"delete_*" = "block"
delete_draft = "auto"
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return path

    return write


def level(policy, action, arguments=None, **where):
    return policy.check(action, arguments, **where).risk_level


def rule(when=None, risk_level="block", **more):
    return {"action": "act", "risk_level": risk_level, **({"when": when} if when else {}), **more}


def problems(form_or_path):
    with pytest.raises(ConfigurationError) as raised:
        Policy.from_dict(form_or_path) if isinstance(form_or_path, dict) else Policy.load(form_or_path)
    return raised.value.problems


def test_the_first_rule_that_applies_decides(write):
    policy = Policy.load(write(REFUNDS))
    assert level(policy, "issue_refund", {"amount": 150, "currency": "EUR"}) == "approve"
    assert level(policy, "issue_refund", {"amount": 100, "currency": "EUR"}) == "log"
    assert level(policy, "issue_refund", {"amount": 150, "currency": "USD"}) == "log"
    assert level(policy, "refund_all") == "log"


def test_whole_names_of_the_short_form_go_before_patterns(write):
    policy = Policy.load(write(REFUNDS))
    assert level(policy, "delete_draft") == "auto"
    assert level(policy, "delete_everything") == "block"


def test_a_decision_says_who_decides_and_for_how_long(write):
    decision = Policy.load(write(REFUNDS)).check("issue_refund", {"amount": 101, "currency": "EUR"})
    assert (decision.rule, decision.reviewers, decision.quorum) == ("large refunds", ("ann", "ben"), 2)
    assert (decision.requester_may_review, decision.expires_in_seconds) == (False, 7200.0)
    assert "two people decide" in decision.reason
    assert decision.is_certain


def test_actions_that_no_rule_names_need_approval_and_that_is_said_once(caplog):
    policy = Policy.from_dict({"search": "auto"})
    with caplog.at_level(logging.WARNING, "whichstep"):
        found = [policy.check(action) for action in ("one", "two")]
    assert [(decision.risk_level, decision.rule) for decision in found] == [("approve", "default")] * 2
    assert len(caplog.records) == 1
    assert "'one'" in caplog.text


@pytest.mark.parametrize(
    "policy",
    [
        Policy.from_dict({"search": "auto"}, default="block"),
        Policy.from_dict({"search": "auto", "default": "block"}),
        Policy.from_dict({"default": "block", "actions": {"search": "auto"}}),
    ],
)
def test_a_default_that_is_set_holds_without_a_word(policy, caplog):
    assert (level(policy, "search"), level(policy, "other")) == ("auto", "block")
    assert not caplog.records


@pytest.mark.parametrize(
    ("when", "arguments", "expected"),
    [
        ("amount > 100", {"amount": 100.01}, True),
        ("amount > 100", {"amount": Decimal("100.01")}, True),
        ("amount >= 100", {"amount": 100}, True),
        ("amount < 1e3", {"amount": 10**400}, False),
        ("currency == 'EUR'", {"currency": "EUR"}, True),
        ('currency != "EUR"', {"currency": "eur"}, True),
        ("force == true", {"force": False}, False),
        ("tier in [1, 2]", {"tier": 2}, True),
        ("tier not in [1, 2]", {"tier": 2}, False),
        ('to matches "*@example.com"', {"to": "a@example.com"}, True),
        ('to not matches "*@example.com"', {"to": "a@example.com.evil.org"}, True),
        ("who missing", {}, True),
        ("who missing", {"who": None}, True),
        ("who present", {"who": 0}, True),
        ("order.items.1.price > 5", {"order": {"items": [{"price": 1}, {"price": 9}]}}, True),
        ("day >= '2026-11-01'", {"day": "2026-10-31"}, False),
    ],
)
def test_conditions_compare_arguments(when, arguments, expected):
    decision = Policy.from_dict({"default": "auto", "rule": [rule(when)]}).check("act", arguments)
    assert (decision.risk_level == "block", decision.is_certain) == (expected, True)


@pytest.mark.parametrize(
    ("when", "arguments", "why"),
    [
        ("amount > 100", {"amount": "250"}, "amount is text, not a number"),
        ("amount > 100", {"amount": True}, "amount is true or false, not a number"),
        ("amount > 100", {"amount": float("nan")}, "no finite number"),
        ("amount > 100", {"amount": Decimal("sNaN")}, "no finite number"),
        ("amount > 100", {}, "amount is missing"),
        ("amount > 100", None, "the arguments are not known"),
        ("to matches '*@a.com'", {"to": ["x@a.com"]}, "to is a list, not text"),
        ("currency in ['EUR']", {"currency": {"code": "EUR"}}, "not text"),
        ("order.total > 5", {"order": 5}, "order.total is missing"),
    ],
)
@pytest.mark.parametrize(("applied", "else_"), [("auto", "block"), ("block", "auto")])
def test_what_cannot_be_judged_is_taken_strictly_and_said(when, arguments, why, applied, else_):
    decision = Policy.from_dict({"default": else_, "rule": [rule(when, applied)]}).check("act", arguments)
    assert (decision.risk_level, decision.is_certain) == ("block", False)
    assert why in decision.reason


def test_a_condition_that_fails_makes_the_others_needless():
    policy = Policy.from_dict({"default": "auto", "rule": [rule(["amount > 100", "currency == 'EUR'"])]})
    assert level(policy, "act", {"amount": 5}) == "auto"


def test_environment_and_agent_narrow_a_rule_and_unknown_ones_count_strictly():
    policy = Policy.from_dict({"default": "auto", "rule": [rule(environment="prod*", agent=["a", "b"])]})
    assert level(policy, "act", {}, environment="prod-eu", agent="b") == "block"
    assert level(policy, "act", {}, environment="dev", agent="b") == "auto"
    assert level(policy, "act", {}, environment="prod", agent="c") == "auto"
    assert level(policy, "act", {}, agent="c") == "auto"
    assert level(policy, "act", {}, environment="prod") == "block"


@pytest.mark.parametrize(
    ("text", "line", "rule_name", "what", "remedy"),
    [
        ('defalt = "auto"', 1, None, "unknown key 'defalt', is default meant", "[actions]"),
        ('default = "maybe"', 1, None, "'maybe' is no risk level", "auto, log, approve, block"),
        ('[actions]\n\nx = "alow"', 3, "x", "'alow' is no risk level", "auto, log"),
        ('[actions]\n"x[" = "log"', 2, "x[", "[ is not closed", "list of texts"),
        ("[actions]\nx = 1", 2, "x", "1 is no risk level", "auto"),
        ('[[rule]]\nrisk_level = "log"', 1, "number 1", "names no action", 'action = "name"'),
        ('[[rule]]\naction = "x"', 1, "x", "no risk_level", "auto"),
        ('[[rule]]\naction = "x"\nrisk_level = "log"\nwhne = "a > 1"', 4, "x", "is when meant", "known are"),
        ('[[rule]]\naction = "x"\nwhen = "amount >> 1"\nrisk_level = "log"', 3, "x", "no condition|no value", "amount > 100"),
        ('[[rule]]\naction = "x"\nwhen = "amount > EUR"\nrisk_level = "log"', 3, "x", "in quotes", "amount > 100"),
        ('[[rule]]\naction = "x"\nwhen = "amount > true"\nrisk_level = "log"', 3, "x", "does not compare", "amount"),
        ('[[rule]]\naction = "x"\nwhen = []\nrisk_level = "log"', 3, "x", "empty list", "leave it out"),
        ('[[rule]]\naction = "x"\nwhen = "a in []"\nrisk_level = "log"', 3, "x", "not empty", "amount"),
        ('[[rule]]\naction = "x"\nwhen = ["a > 5", "a < 2"]\nrisk_level = "log"', 1, "x .*", "never hold together", "two rules"),
        ('[[rule]]\naction = "x"\nwhen = ["a == 5", "a < 2"]\nrisk_level = "log"', 1, "x .*", "never hold together", "two rules"),
        ('[[rule]]\naction = "x"\nwhen = ["a == 5", "a missing"]\nrisk_level = "log"', 1, "x .*", "never hold", "two rules"),
        ('[[rule]]\naction = "x"\nrisk_level = "approve"\nexpires_in = "4 weeks"', 4, "x", "no length of time", "30m"),
        ('[[rule]]\naction = "x"\nrisk_level = "approve"\nexpires_in = 0', 4, "x", "outside of", "30m"),
        ('[[rule]]\naction = "x"\nrisk_level = "approve"\nquorum = 0', 4, "x", "quorum is 0", "whole number"),
        ('[[rule]]\naction = "x"\nrisk_level = "approve"\nreviewers = ["a"]\nquorum = 2', 5, "x", "never be reached", "lower"),
        ('[[rule]]\naction = "x"\nrisk_level = "approve"\nrequester_may_review = "no"', 4, "x", "is 'no'", "true or false"),
        ("rule = 5", 1, None, "no list of tables", "[[rule]]"),
        ("actions = 5", 1, None, "no table", "[actions]"),
        ("default = ", 1, None, "no TOML", "mend"),
        ('[[rule]]\naction = "x"\nrisk_level = "log"\nquorum = 2', 4, "x", "nobody is asked", "remove it"),
        ("[approval]\nquorum = 1\nqorum = 2", 3, None, "is quorum meant", "known are"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_rule_and_remedy(write, text, line, rule_name, what, remedy):
    path = write(text)
    (problem,) = problems(path)
    assert (problem.file, problem.line) == (str(path), line)
    assert re.search(what.replace("[", r"\["), problem.what), problem
    assert remedy in problem.remedy
    assert rule_name is None or re.fullmatch(rule_name.replace("[", r"\["), problem.rule), problem
    assert str(path) in str(problem)
    assert f"line {line}" in str(problem)


def test_rules_that_contradict_or_are_never_reached_are_errors(write):
    found = problems(
        write("""
            [[rule]]
            action = "refund*"
            when = "amount > 100"
            risk_level = "approve"
            [[rule]]
            action = "refund_order"
            when = ["amount > 200", "currency == 'EUR'"]
            risk_level = "block"
            [[rule]]
            action = "mail"
            risk_level = "auto"
            [actions]
            mail = "block"
            "*" = "log"
            "x_*" = "auto"
        """)
    )
    assert [(problem.line, problem.what.partition(":")[0]) for problem in found] == [
        (6, "is never reached"),
        (14, "contradicts rule mail (line 10)"),
        (16, "is never reached"),
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (rule("amount > 100"), rule("amount > 50")),
        (rule("amount >= 100"), rule("amount < 100")),
        (rule("a in [1, 2]"), rule("a in [1, 3]")),
        (rule(environment="prod"), rule()),
        (rule(agent="a"), rule(agent="b")),
        ({"action": "act?", "risk_level": "log"}, {"action": "act*", "risk_level": "auto"}),
        ({"action": "a?", "risk_level": "log"}, {"action": "a*", "risk_level": "auto"}),
    ],
)
def test_rules_that_can_both_decide_are_no_error(earlier, later):
    assert len(Policy.from_dict({"rule": [earlier, later]}).rules) == 2


def test_two_rules_of_one_id_are_an_error_and_so_is_a_file_that_is_not_there(tmp_path):
    twice = {"rule": [rule("a > 1", id="r"), rule("a > 0", id="r")]}
    assert [problem.what for problem in problems(twice)] == ["another rule has this id"]
    (missing,) = problems(tmp_path / "none.toml")
    assert (missing.line, missing.what) == (None, "cannot be read: No such file or directory")


def test_the_example_of_the_documentation_loads_and_says_what_its_comments_say(write):
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
    policy = Policy.load(write(page.partition("```toml\n")[2].partition("```")[0]))
    assert level(policy, "issue_refund", {"amount": 101}) == "approve"
    assert level(policy, "issue_refund", {"amount": 100}) == "log"
    assert level(policy, "send_external_email", {"to": "ann@example.com"}) == "auto"
    assert level(policy, "deploy_api", environment="prod") == "block"


def test_lines_are_right_behind_strings_and_lists_over_several_lines(write):
    found = problems(
        write('''
# [[rule]] in a comment
[[rule]]
action = [
  "a",  # ]
  "b",
]
reason = """
[[rule]]
whne = 1
"""
risk_level = "log"
whne = 1
''')
    )
    assert [problem.line for problem in found] == [13]


def test_the_digest_is_of_what_the_policy_says_and_not_of_its_layout(write):
    policy = Policy.load(write(REFUNDS))
    laid_out_otherwise = REFUNDS.replace("\n\n", "\n# a comment\n").replace("2h", "120m").replace("'EUR'", r"\"EUR\"")
    laid_out_otherwise = laid_out_otherwise.replace('"currency == ', '"currency   == ')
    assert Policy.load(write(laid_out_otherwise)).digest == policy.digest
    assert Policy.load(write(REFUNDS.replace("> 100", "> 99"))).digest != policy.digest
    assert Policy.from_dict(json.loads(json.dumps(policy.form()))).digest == policy.digest
    assert Policy.from_dict(tomllib.loads(REFUNDS)).digest == policy.digest


def test_a_thousand_patterns_load_and_are_looked_up_once_a_name():
    policy = Policy.from_dict({f"tool_{n}_*": "auto" for n in range(1000)} | {"default": "block"})
    assert level(policy, "tool_999_x") == "auto"
    assert policy._known["tool_999_x"] is policy.check("tool_999_x")


LEVELS = st.sampled_from(RISK_LEVELS)
NAMES = st.sampled_from(["a", "b", "ab", "a*", "?b", "*"])
CONDITIONS = st.sampled_from(
    ["x > 1", "x <= 3", "x == 2", "y in ['p', 'q']", "y matches 'p*'", "z missing", "z.w present"]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 4), st.floats(), st.sampled_from(["p", "pq", "r", "2"]))
ARGUMENTS = st.none() | st.dictionaries(st.sampled_from("xyz"), VALUES | st.dictionaries(st.just("w"), VALUES))
RULES = st.fixed_dictionaries(
    {"action": NAMES, "risk_level": LEVELS},
    optional={
        "when": st.lists(CONDITIONS, min_size=1, max_size=2, unique=True),
        "environment": st.sampled_from(["prod", "*"]),
        "quorum": st.integers(1, 3),
        "expires_in": st.sampled_from(["30m", 60]),
    },
).map(
    lambda rule: (
        rule if rule["risk_level"] == "approve" else {k: rule[k] for k in rule if k not in {"quorum", "expires_in"}}
    )
)


@st.composite
def policies(draw):
    """Policies that load: rules that are refused are left out, one by one."""
    kept = []
    for candidate in draw(st.lists(RULES, max_size=6)):
        try:
            Policy.from_dict({"rule": [*kept, candidate]})
        except ConfigurationError:
            continue
        kept.append(candidate)
    return Policy.from_dict({"default": draw(LEVELS), "rule": kept})


CALLS = st.tuples(st.sampled_from(["a", "b", "ab", "c"]), ARGUMENTS, st.sampled_from([None, "prod", "dev"]))


@given(policies(), policies(), CALLS)
@settings(deadline=None, max_examples=150)
def test_adding_the_policy_of_the_sidecar_never_loosens(ours, authority, call):
    action, arguments, environment = call
    mine, theirs = (policy.check(action, arguments, environment=environment) for policy in (ours, authority))
    both = stricter(mine, theirs)
    for one in (mine, theirs):
        assert not is_stricter(one.risk_level, both.risk_level)
        if one.risk_level == both.risk_level == "approve":
            assert both.quorum >= one.quorum
            assert both.expires_in_seconds <= one.expires_in_seconds
    assert stricter(theirs, mine).risk_level == both.risk_level


@given(policies(), CALLS)
@settings(deadline=None, max_examples=150)
def test_a_policy_read_again_from_its_form_says_the_same_with_the_same_digest(policy, call):
    action, arguments, environment = call
    again = Policy.from_dict(json.loads(json.dumps(policy.form())))
    assert again.digest == policy.digest
    assert again.check(action, arguments, environment=environment) == policy.check(
        action, arguments, environment=environment
    )


@given(policies(), CALLS)
@settings(deadline=None, max_examples=150)
def test_what_is_said_is_the_first_rule_that_applies_or_stricter_where_one_cannot_be_judged(policy, call):
    action, arguments, environment = call
    decision = policy.check(action, arguments, environment=environment)
    named = [rule for rule in policy.rules if any(name.matches(action) for name in rule.actions)]
    verdicts = [(rule, rule.applies(arguments, environment, None)) for rule in named]
    sure = next((rule.risk_level for rule, verdict in verdicts if verdict is True), policy.default)
    before = [rule.risk_level for rule, verdict in verdicts[: len(named)] if isinstance(verdict, str)]
    if decision.is_certain:
        assert decision.risk_level == sure
    else:
        assert not is_stricter(sure, decision.risk_level)
        assert decision.risk_level in {sure, *before}


@given(policies(), CALLS)
@settings(deadline=None, max_examples=100)
def test_arguments_that_are_known_better_never_make_it_stricter(policy, call):
    action, arguments, environment = call
    known = policy.check(action, arguments, environment=environment)
    unknown = policy.check(action, None, environment=environment)
    assert not is_stricter(known.risk_level, unknown.risk_level)
