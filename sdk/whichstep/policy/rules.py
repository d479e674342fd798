"""One rule of a policy: which actions it is about, when it applies, and what holds then. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from whichstep.policy.conditions import Condition, implies, never_both
from whichstep.policy.decision import EXPIRES_IN_SECONDS, Decision
from whichstep.policy.globs import Glob

ANY: Final = Glob("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for some actions under some conditions. All conditions have to hold, one of the names has to fit."""

    actions: tuple[Glob, ...]
    risk_level: str
    id: str = ""
    """As the file names it; the rule's text where it does not."""
    when: tuple[Condition, ...] = ()
    environments: tuple[Glob, ...] = ()
    agents: tuple[Glob, ...] = ()
    reviewers: tuple[str, ...] = ()
    quorum: int = 1
    requester_may_review: bool = True
    expires_in_seconds: float = EXPIRES_IN_SECONDS
    reason: str = ""
    """Why there is this rule, for whoever meets it."""
    line: int | None = None

    @property
    def text(self) -> str:
        """The rule in a line: names, conditions, where."""
        return " ".join(
            [
                ", ".join(name.text for name in self.actions),
                *([f"when {' and '.join(map(str, self.when))}"] if self.when else []),
                *([f"in {', '.join(name.text for name in self.environments)}"] if self.environments else []),
                *([f"by {', '.join(name.text for name in self.agents)}"] if self.agents else []),
            ]
        )

    @property
    def name(self) -> str:
        """Its id, else its text."""
        return self.id or self.text

    @property
    def is_unconditional(self) -> bool:
        """Whether it applies to its actions whatever the arguments, environment and agent."""
        return not (self.when or self.environments or self.agents)

    def applies(self, arguments: Mapping[str, Any] | None, environment: str | None, agent: str | None) -> bool | str:
        """Whether it applies to an action that it names; where that cannot be judged, why not, in words."""
        doubt = ""
        for kind, names, value in (("environment", self.environments, environment), ("agent", self.agents, agent)):
            if not names:
                continue
            if value is None:
                doubt = doubt or f"the {kind} is not known"
            elif not any(name.matches(value) for name in names):
                return False
        for condition in self.when:
            holds = condition.holds(arguments) if arguments is not None else "the arguments are not known"
            if holds is False:
                return False
            if holds is not True:
                doubt = doubt or holds
        return doubt or True

    def decision(self, action: str, policy_digest: str) -> Decision:
        """What the rule says of an action to which it applies."""
        why = f": {self.reason}" if self.reason else ""
        return Decision(
            action=action,
            risk_level=self.risk_level,
            rule=self.name,
            reason=f"rule {self.name}{why}",
            policy_digest=policy_digest,
            reviewers=self.reviewers,
            quorum=self.quorum,
            requester_may_review=self.requester_may_review,
            expires_in_seconds=self.expires_in_seconds,
        )

    def covers(self, other: Rule) -> bool:
        """Whether this rule surely applies wherever the other does. False says that it is not known."""
        return (
            all(any(mine.covers(name) for mine in self.actions) for name in other.actions)
            and _at_least(self.environments, other.environments)
            and _at_least(self.agents, other.agents)
            and all(any(implies(theirs, mine) for theirs in other.when) for mine in self.when)
        )

    def never_applies(self) -> str | None:
        """Two conditions of the rule that exclude one another, in words; None where there are none."""
        for at, one in enumerate(self.when):
            for other in self.when[at + 1 :]:
                if never_both(one, other):
                    return f"{one} and {other} never hold together"
        return None

    def form(self) -> dict[str, Any]:
        """The rule as JSON has it, and as `Policy.from_dict` reads it; what has its default is left out."""
        full: dict[str, Any] = {
            "action": [name.text for name in self.actions],
            "risk_level": self.risk_level,
            "id": self.id,
            "when": [str(condition) for condition in self.when],
            "environment": [name.text for name in self.environments],
            "agent": [name.text for name in self.agents],
            "reviewers": list(self.reviewers),
            "reason": self.reason,
        }
        form = {key: value for key, value in full.items() if value}
        if self.risk_level == "approve":
            form |= {
                "quorum": self.quorum,
                "requester_may_review": self.requester_may_review,
                "expires_in": self.expires_in_seconds,
            }
        return form


def _at_least(mine: tuple[Glob, ...], theirs: tuple[Glob, ...]) -> bool:
    """Whether the names of an environment or agent that fit theirs all fit mine; none given: all of them."""
    return not mine or (bool(theirs) and all(any(name.covers(other) for name in mine) for other in theirs))
