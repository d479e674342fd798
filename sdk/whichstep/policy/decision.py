"""What a policy says of one action, and which of two such words is the stricter. Standard library only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from whichstep.attributes import RISK_LEVELS

DAY_SECONDS: Final = 86_400.0
EXPIRES_IN_SECONDS: Final = 4 * 3600.0
"""How long a request waits for a person unless the policy says else."""
_RANK: Final = {level: rank for rank, level in enumerate(RISK_LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The word of one policy, or the stricter of two, on one action with its arguments."""

    action: str
    risk_level: str
    """auto: runs; log: runs and is marked; approve: a person decides first; block: never runs."""
    rule: str
    """Id or text of the rule that decided; `default` where no rule names the action."""
    reason: str
    """Why, in a sentence for people."""
    policy_digest: str
    reviewers: tuple[str, ...] = ()
    """Who may decide; empty: every reviewer."""
    quorum: int = 1
    """How many reviewers have to approve."""
    requester_may_review: bool = True
    expires_in_seconds: float = EXPIRES_IN_SECONDS
    is_certain: bool = True
    """False where a condition could not be judged (the argument is missing or of another type) and the stricter
    outcome was taken for that."""

    @property
    def runs_alone(self) -> bool:
        """Whether the action may run without a person."""
        return self.risk_level in {"auto", "log"}


def stricter(ours: Decision, authority: Decision) -> Decision:
    """The stricter of two words on the same action. What runs under it would run under either of them.

    Of two that ask for a person: the larger quorum, the shorter time, the reviewers that both accept (those of the
    authority where they have none in common), and the requester may review only where both allow it.
    """
    if ours.risk_level != authority.risk_level:
        return ours if _RANK[ours.risk_level] > _RANK[authority.risk_level] else authority
    if authority.risk_level != "approve":
        return authority
    return dataclasses.replace(
        authority,
        reviewers=_common(ours.reviewers, authority.reviewers),
        quorum=max(ours.quorum, authority.quorum),
        requester_may_review=ours.requester_may_review and authority.requester_may_review,
        expires_in_seconds=min(ours.expires_in_seconds, authority.expires_in_seconds),
        is_certain=ours.is_certain and authority.is_certain,
    )


def is_stricter(risk_level: str, than: str) -> bool:
    """Whether one risk level is stricter than another."""
    return _RANK[risk_level] > _RANK[than]


def _common(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    both = tuple(name for name in theirs if name in ours)
    return both or theirs or ours
