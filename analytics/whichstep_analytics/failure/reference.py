"""docs/failing_step.md: how the failing step is found, from the registry of rules, the traits and the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from whichstep_analytics.failure import rules, scorer, traits

_PAGE: Final = """# The failing step

Of each failed execution whichstep names the *failing step*, where the failure first became visible and was not
recovered, and the *cause*, the decision that led there: usually the model call that asked for it. Both come with a
kind, a reason in words, a confidence, and all suspects in order. No model is asked; a [model's second
opinion](failures.md) is another thing.

1. **Rules.** Each looks for one thing and says how sure it is. An error that nothing recovered, a refusal, a loop:
   the surest of those is the failing step, with the rule's own certainty as confidence.
2. **The outcome rules.** A success has no failing step, whatever went wrong on the way; what fired is still listed
   as suspects. Of an outcome that nobody knows only rules that are sure tell; else nothing is named.
3. **A ranking**, where a person, the agent's code or an evaluator says that the execution failed and no rule is at
   least {sure:.0%} sure. Every turn (model call) gets the sum of the weights of the rules that fired on it, each by
   how sure it is, and of its traits: what its place and its words say. Their softmax over the turns of the
   execution is the probability that the turn is to blame, and the confidence. Where one agent leads others, first who
   is decided, by the sum over the turns of each agent, then which of its turns. A rule that fired on an action speaks
   for the model call that asked for it; the action is then shown as the failing step and the call as its cause.

An execution that runs or waits has not failed. Without model calls the strongest suspect is named; without any the
kind is `unknown` and no step is named. Steps without times are ordered by `whichstep.step.index`. Rules and traits
see previews of 1 KiB, and English words. They know no framework, no data set and no agent's name.

## Rules

Of every execution:

{always}

Of executions that somebody judged a failure, for what they see is seen in good runs, too:

{judged}

The weight is what a rule that is quite sure adds to the log-odds of a turn. Weights in brackets were not fitted:
the rule fired too seldom in the labelled runs, and has the weight that any rule has before data. 0: it fired often
enough, and on the wrong turns; such a rule still says what is wrong with a turn that is named for other reasons.

## Traits

{traits}

An *orchestrated* run: the agent of the first turn leads, has at least half of the turns, and nobody but it takes up
what the others, its *workers*, said.

## Where the weights come from, and whether the confidence holds

From {runs} labelled runs of public data sets, by a conditional logit with a ridge of {ridge:g} on standardised
columns, rules held at 0 or above: `python -m benchmarks.ground_truth.validation --write`. In {elsewhere:.0%} of
them no turn of an agent was to blame; so much is left for it. [Against public ground truth](ground_truth.md) shows
how often the named step is right with the weights that ship, with weights fitted to other questions, and with
weights fitted to other sets only, and that of the answers of one confidence about that share is right. Nothing is
learned while whichstep runs: the weights are [a file](../analytics/whichstep_analytics/failure/weights.json).

## A rule of your own

A module in `analytics/whichstep_analytics/failure/rules/`, a line in its registry, and two entries in
`tests/analytics/test_failure_rules.py`: what it fires on, and what it must not fire on.
"""


def reference() -> str:
    """The page."""
    found, weights = scorer.found(), scorer.shipped()
    return _PAGE.format(
        sure=rules.SURE,
        always=_table(rules.ALWAYS),
        judged=_table(rules.JUDGED),
        traits=_rows(
            "trait",
            "what it is",
            ((name, words, f"{weights.traits[name]:+.2f}") for name, words in traits.TRAITS.items()),
        ),
        runs=sum(found.executions.values()),
        ridge=found.ridge,
        elsewhere=weights.elsewhere,
    )


def _table(some: Iterable[rules.Rule]) -> str:
    fitted, weights = scorer.found().rules, scorer.shipped().rules
    return _rows("rule", "what it looks for", (
        (name, rules.words(rule), f"{weights[name]:.2f}" if name in fitted else f"({weights[name]:.2f})")
        for rule in some
        for name in [rules.name(rule)]
    ))  # fmt: skip


def _rows(title: str, meaning: str, rows: Iterable[tuple[str, str, str]]) -> str:
    body = (f"| `{name}` | {words} | {weight} |" for name, words, weight in rows)
    return "\n".join([f"| {title} | {meaning} | weight |", "|---|---|---|", *body])
