"""What the policy in force asks of a request: the sidecar's own word, or the agent's where that one is stricter."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from whichstep.policy import Decision, Policy, stricter
from whichstep_store.approvals import APPROVE, Approval, Requirement

AUTO, BLOCK = "auto", "block"


class Judge:
    """Judges requests by the sidecar's policy, whose word is final: an agent's copy can only ask for more."""

    def __init__(self, policy: Policy | None) -> None:
        """Without a policy the agents' own word stands."""
        self._policy = policy

    def decision(self, approval: Approval, arguments: Mapping[str, Any]) -> Decision:
        """What holds for the action of a request with these arguments, judged from scratch."""
        stated = json.loads(approval.stated)
        ours = Decision(
            action=approval.action,
            risk_level=stated.get("risk_level") or (APPROVE if self._policy is None else AUTO),
            rule=stated.get("rule") or "the agent's own",
            reason="the agent's own policy asks for it",
            policy_digest=stated.get("policy_digest") or "",
            reviewers=tuple(stated.get("reviewers", ())),
            quorum=stated.get("quorum", 1),
            requester_may_review=stated.get("requester_may_review", True),
        )
        if self._policy is None:
            return ours
        authority = self._policy.check(
            approval.action, arguments, environment=approval.environment, agent=approval.agent
        )
        return dataclasses.replace(stricter(ours, authority), policy_digest=authority.policy_digest)

    def in_force(self, approval: Approval) -> Requirement:
        """What is asked of a request as it stands: of the edited arguments once there are some."""
        return requirement(self.decision(approval, json.loads(approval.edited_arguments or approval.arguments)))


def requirement(decision: Decision) -> Requirement:
    """A policy's word as the ledger keeps it."""
    return Requirement(
        risk_level=decision.risk_level,
        rule=decision.rule,
        policy_digest=decision.policy_digest or None,
        reviewers=decision.reviewers,
        quorum=decision.quorum,
        requester_may_review=decision.requester_may_review,
    )
