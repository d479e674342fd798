"""A request for a person's decision, and everything that may become of it. Pure: values in, values out.

              ┌─ approve ─▶ approved ─┐
    pending ──┼─ edit ────▶ edited ───┼─ consume ─▶ consumed
              ├─ reject ──▶ rejected  ├─ expire ──▶ expired
              ├─ expire ──▶ expired   └─ cancel ──▶ cancelled
              └─ cancel ──▶ cancelled

A request is decided once. Where a rule wants several reviewers it stays pending, with their votes, until the last one;
one rejection rejects it. It is bound to the digest of its arguments (of the edited ones once edited) and is consumed
once. Times are nanoseconds since the epoch and never go back (`ForwardTime`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

APPROVE, EDIT, REJECT, EXPIRE, CANCEL, CONSUME = "approve", "edit", "reject", "expire", "cancel", "consume"
PENDING, APPROVED, EDITED, REJECTED = "pending", "approved", "edited", "rejected"
EXPIRED, CANCELLED, CONSUMED = "expired", "cancelled", "consumed"
STATES: Final = (PENDING, APPROVED, EDITED, REJECTED, EXPIRED, CANCELLED, CONSUMED)
GRANTED: Final = (APPROVED, EDITED)
"""States in which the action may run, once."""
DECISIONS: Final = (APPROVE, EDIT, REJECT)
POLICY: Final = "policy"
"""Who decided where nobody had to be asked."""

TRANSITIONS: Final[Mapping[tuple[str, str], str]] = {
    (PENDING, APPROVE): APPROVED,
    (PENDING, EDIT): EDITED,
    (PENDING, REJECT): REJECTED,
    (PENDING, EXPIRE): EXPIRED,
    (PENDING, CANCEL): CANCELLED,
    **{(state, CONSUME): CONSUMED for state in GRANTED},
    **{(state, EXPIRE): EXPIRED for state in GRANTED},
    **{(state, CANCEL): CANCELLED for state in GRANTED},
}

# Why a change was refused.
CLOSED, STALE, NOT_A_REVIEWER, OWN_REQUEST, ALREADY_VOTED = "closed", "stale", "not_a_reviewer", "own_request", "voted"
UNDECIDED, OTHER_ARGUMENTS, OTHER_CONTENT, OTHER_POLICY = (
    "undecided",
    "other_arguments",
    "other_content",
    "other_policy",
)


class Vote(NamedTuple):
    """What one reviewer said."""

    reviewer: str
    decision: str
    notes: str | None
    at: int


class Requirement(NamedTuple):
    """What the policy in force asks of an action that waits for people."""

    risk_level: str
    rule: str | None
    policy_digest: str | None
    reviewers: tuple[str, ...] = ()
    """Who may decide; empty: every reviewer."""
    quorum: int = 1
    requester_may_review: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One request as the ledger holds it. Texts that are JSON are said to be."""

    approval_id: str
    execution_id: str | None
    step_id: str | None
    state: str
    action: str
    arguments: str
    """JSON object, as shown to reviewers."""
    evidence: str
    """JSON array of objects with source, text, score, step_id."""
    summary: str | None
    risk_level: str
    rule: str | None
    policy_digest: str | None
    agent: str | None
    task_type: str | None
    release: str | None
    created_at: int
    expires_at: int
    """A decision after this is none."""
    decision: str | None = None
    decided_by: str | None = None
    """The reviewers, by the names of their tokens; `policy` where nobody was asked."""
    decided_at: int | None = None
    notes: str | None = None
    edited_arguments: str | None = None
    """JSON object; also before the last of several reviewers agreed to the edit."""
    consumed_at: int | None = None
    delivered_at: int | None = None
    environment: str | None = None
    task_id: str | None = None
    requester: str | None = None
    """On whose behalf, as the agent says."""
    created_by: str | None = None
    """Name of the token that asked; null where none was needed."""
    reviewers: str = "[]"
    """JSON array of names; empty: every reviewer."""
    quorum: int = 1
    requester_may_review: bool = True
    arguments_digest: str
    edited_digest: str | None = None
    arguments_schema: str | None = None
    """JSON schema of the arguments, where the agent knows it."""
    votes: str = "[]"
    """JSON array of objects with reviewer, decision, notes, at."""
    version: int = 1
    """Grows with every change."""
    lapses_at: int | None = None
    """A decision that was not used by then is none any more."""
    stated: str = "{}"
    """JSON object: what the agent's own policy asked for, as fields of Requirement."""
    consumer: str | None = None
    """Who used it, by a name that the agent made up: the same one asking again gets the same answer."""

    @property
    def digest_in_force(self) -> str:
        """Digest of the arguments that may run."""
        return self.edited_digest or self.arguments_digest

    @property
    def cast(self) -> list[Vote]:
        """The votes so far."""
        return [Vote(**vote) for vote in json.loads(self.votes)]

    def with_requirement(self, asked: Requirement) -> Approval:
        """The request as the policy in force wants it decided."""
        return dataclasses.replace(
            self,
            risk_level=asked.risk_level,
            rule=asked.rule,
            policy_digest=asked.policy_digest,
            reviewers=json.dumps(list(asked.reviewers), ensure_ascii=False),
            quorum=asked.quorum,
            requester_may_review=asked.requester_may_review,
        )


class Verdict(NamedTuple):
    """A reviewer's decision on its way in."""

    reviewer: str
    decision: str
    notes: str | None = None
    arguments: str | None = None
    """JSON object, of an edit."""
    digest: str | None = None
    """Of these arguments."""
    version: int | None = None
    """Of the request that the reviewer saw; None: whichever it is."""


class ChangeRefused(Exception):  # noqa: N818  an answer, not a defect
    """A change that may not be; `approval` is the request as it stands."""

    def __init__(self, reason: str, approval: Approval) -> None:
        super().__init__(reason)
        self.reason, self.approval = reason, approval


def moved(approval: Approval, event: str, **changes: Any) -> Approval:
    """The request after an event of the table. Raises ChangeRefused where the table has none."""
    state = TRANSITIONS.get((approval.state, event))
    if state is None:
        raise ChangeRefused(CLOSED, approval)
    return dataclasses.replace(approval, state=state, **changes)


def as_of(approval: Approval, now: int) -> Approval:
    """The request as it is now: expired where its time has passed."""
    deadline = approval.expires_at if approval.state == PENDING else approval.lapses_at
    if (approval.state, EXPIRE) in TRANSITIONS and deadline is not None and deadline <= now:
        return moved(approval, EXPIRE)
    return approval


def decided(approval: Approval, verdict: Verdict, asked: Requirement, now: int) -> Approval:
    """The request after a reviewer's word; still pending where more reviewers have to agree."""
    if approval.state != PENDING:
        raise ChangeRefused(CLOSED, approval)
    if verdict.version is not None and verdict.version != approval.version:
        raise ChangeRefused(STALE, approval)
    _check_reviewer(approval, verdict.reviewer, asked)
    votes = [] if verdict.decision == EDIT else approval.cast
    if any(vote.reviewer == verdict.reviewer for vote in votes) and verdict.decision == APPROVE:
        raise ChangeRefused(ALREADY_VOTED, approval)
    votes.append(Vote(verdict.reviewer, verdict.decision, verdict.notes, now))
    noted = dataclasses.replace(
        approval.with_requirement(asked),
        notes=verdict.notes or approval.notes,
        votes=json.dumps([vote._asdict() for vote in votes], ensure_ascii=False),
    )
    if verdict.decision == REJECT:
        return moved(noted, REJECT, decision=REJECT, decided_by=verdict.reviewer, decided_at=now)
    if verdict.decision == EDIT:
        noted = dataclasses.replace(noted, edited_arguments=verdict.arguments, edited_digest=verdict.digest)
    return _granted(noted, now) if satisfies(noted, asked) else noted


def satisfies(approval: Approval, asked: Requirement) -> bool:
    """Whether those who agreed are enough for what is asked: distinct, and each of them entitled."""
    if asked.risk_level in {"auto", "log"}:
        return True
    agreed = {vote.reviewer for vote in approval.cast if vote.decision != REJECT}
    entitled = agreed & set(asked.reviewers) if asked.reviewers else agreed
    if not asked.requester_may_review:
        entitled = entitled - {approval.requester, approval.created_by}
    return len(entitled) >= max(asked.quorum, 1)


def consumed(approval: Approval, digest: str, consumer: str | None, now: int) -> Approval:
    """The request once its action runs, with exactly the arguments that were agreed to; this happens once."""
    if approval.state == CONSUMED and consumer is not None and consumer == approval.consumer:
        return approval
    if approval.state == PENDING:
        raise ChangeRefused(UNDECIDED, approval)
    if approval.state in GRANTED and digest != approval.digest_in_force:
        raise ChangeRefused(OTHER_ARGUMENTS, approval)
    return moved(approval, CONSUME, consumed_at=now, consumer=consumer, delivered_at=approval.delivered_at or now)


def cancelled(approval: Approval) -> Approval:
    """The request that its agent gave up; a second time changes nothing."""
    return approval if approval.state == CANCELLED else moved(approval, CANCEL)


def granted_by_policy(approval: Approval) -> Approval:
    """The request where nobody has to be asked."""
    return moved(
        approval,
        APPROVE,
        decision=APPROVE,
        decided_by=POLICY,
        decided_at=approval.created_at,
        lapses_at=approval.expires_at,
    )


def same_request(known: Approval, again: Approval) -> bool:
    """Whether a request that comes a second time under one id is the same one."""
    return (known.action, known.arguments_digest, known.execution_id) == (
        again.action,
        again.arguments_digest,
        again.execution_id,
    )


def _granted(approval: Approval, now: int) -> Approval:
    edited = approval.edited_arguments is not None
    return moved(
        approval,
        EDIT if edited else APPROVE,
        decision=EDIT if edited else APPROVE,
        decided_by=", ".join(dict.fromkeys(vote.reviewer for vote in approval.cast)),
        decided_at=now,
        lapses_at=now + approval.expires_at - approval.created_at,
    )


def _check_reviewer(approval: Approval, reviewer: str, asked: Requirement) -> None:
    if asked.reviewers and reviewer not in asked.reviewers:
        raise ChangeRefused(NOT_A_REVIEWER, approval)
    if not asked.requester_may_review and reviewer in {approval.requester, approval.created_by}:
        raise ChangeRefused(OWN_REQUEST, approval)
