"""The desk: takes requests from agents and decisions from reviewers, and tells whoever waits.

Everything is in the ledger before it is answered; the views, the jobs and the webhook follow after. A decision wakes
the agents that wait for it at once, in whichever thread it is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from whichstep_collector.approvals.documents import time_text
from whichstep_collector.approvals.policy import BLOCK, Judge, requirement
from whichstep_collector.approvals.requests import Creation, Use, Wish, digest
from whichstep_collector.refusals import (
    ACTION_BLOCKED,
    BAD_REQUEST,
    CONFLICT,
    DECIDED,
    EXPIRED,
    NO_SUCH_THING,
    NOT_A_REVIEWER,
    Refused,
)
from whichstep_store import approvals as rules
from whichstep_store.approvals import Approval, ChangeRefused, Requirement, Verdict
from whichstep_store.ledger_approvals import Approvals
from whichstep_store.ledger_approvals import Creation as Created

SECOND: Final = 1_000_000_000


class Desk:
    """Every change of a request goes through here. Any number of threads may call; answers are as of the ledger."""

    def __init__(self, approvals: Approvals, judge: Judge, *, on_change: Callable[[str], None]) -> None:
        """`on_change` is told the id of a request that was created or changed, after that is on disk."""
        self._approvals, self._judge, self._on_change = approvals, judge, on_change

    def create(self, creation: Creation) -> Created:
        """Take a request. Where the policy asks nobody, it is approved at once.

        Raises:
            Refused: ACTION_BLOCKED, or CONFLICT where the id stands for another request.
        """
        decision = self._judge.decision(creation.approval, creation.arguments)
        if decision.risk_level == BLOCK:
            _blocked(decision.rule, decision.reason)
        wished = creation.expires_in_seconds or decision.expires_in_seconds
        expires_in = min(wished, decision.expires_in_seconds) if not decision.runs_alone else wished
        try:
            created = self._approvals.create(
                creation.approval.with_requirement(requirement(decision)),
                expires_in=int(expires_in * SECOND),
                granted=decision.runs_alone,
            )
        except ChangeRefused as error:
            raise refused(error) from error
        if created.created:
            self._on_change(created.approval.approval_id)
        return created

    def find(self, approval_id: str) -> Approval:
        """Return a request as it stands.

        Raises:
            Refused: NO_SUCH_THING.
        """
        found = self._approvals.find(approval_id)
        if found is None:
            _unknown()
        return found

    def deliver(self, approval_id: str) -> Approval:
        """Return a request for its agent, and note that the agent knows of the decision."""
        found = self.find(approval_id)
        if found.state == rules.PENDING or found.delivered_at is not None:
            return found
        return self._change(approval_id, self._approvals.delivered)

    def decide(self, approval_id: str, wish: Wish, *, reviewer: str) -> Approval:
        """Write down what a reviewer says; an edit is judged by the policy from scratch.

        Raises:
            Refused: NO_SUCH_THING, DECIDED, EXPIRED, CONFLICT, NOT_A_REVIEWER, ACTION_BLOCKED, or BAD_REQUEST where
                the edited arguments do not fit their schema.
        """
        edited = wish.arguments
        if edited is not None:
            self._check_edit(self.find(approval_id), edited)
        verdict = Verdict(
            reviewer=reviewer,
            decision=wish.decision,
            notes=wish.notes,
            arguments=None if edited is None else json.dumps(edited, ensure_ascii=False, separators=(",", ":")),
            digest=None if edited is None else digest(edited),
            version=wish.version,
        )

        def asked(approval: Approval) -> Requirement:
            if edited is None:
                found = self._judge.in_force(approval)
            else:
                found = requirement(self._judge.decision(approval, edited))
            if found.risk_level == BLOCK and wish.decision != rules.REJECT:
                _blocked(found.rule or "", f"rule {found.rule}")
            return found

        return self._change(approval_id, lambda known: self._approvals.decide(known, verdict, asked))

    def consume(self, approval_id: str, use: Use) -> Approval:
        """Use a decision up; under another policy than the one it was made under, that one has to allow it too.

        Raises:
            Refused: NO_SUCH_THING, DECIDED (used already, or rejected), EXPIRED, CONFLICT, ACTION_BLOCKED.
        """

        def allowed(approval: Approval) -> bool:
            asked = self._judge.in_force(approval)
            if asked.risk_level == BLOCK:
                _blocked(asked.rule or "", f"rule {asked.rule}")
            return asked.policy_digest == approval.policy_digest or rules.satisfies(approval, asked)

        return self._change(
            approval_id,
            lambda known: self._approvals.consume(known, use.arguments_digest, consumer=use.consumer, allowed=allowed),
        )

    def cancel(self, approval_id: str) -> Approval:
        """End a request that its agent does not need any more.

        Raises:
            Refused: NO_SUCH_THING, DECIDED, EXPIRED.
        """
        return self._change(approval_id, self._approvals.cancel)

    def _change(self, approval_id: str, change: Callable[[str], Approval]) -> Approval:
        try:
            changed = change(approval_id)
        except KeyError:
            _unknown()
        except ChangeRefused as error:
            self._on_change(approval_id)  # that it expired may have been written down now
            raise refused(error) from error
        self._on_change(approval_id)
        return changed

    def _check_edit(self, approval: Approval, edited: Mapping[str, Any]) -> None:
        if approval.state != rules.PENDING:
            return  # said with who and when, below
        if edited == json.loads(approval.edited_arguments or approval.arguments):
            raise Refused(BAD_REQUEST, "the arguments are the same; approve them as they are")
        if approval.arguments_schema is not None:
            from whichstep_collector.approvals.argument_schema import misfit  # noqa: PLC0415  its library costs 3 MiB

            wrong = misfit(edited, json.loads(approval.arguments_schema))
            if wrong is not None:
                raise Refused(BAD_REQUEST, f"the edited arguments do not fit: {wrong}")


def refused(error: ChangeRefused) -> Refused:
    """Say why a change may not be, with who decided and when."""
    approval = error.approval
    facts = {
        "state": approval.state,
        "version": approval.version,
        "decision": approval.decision,
        "decided_by": approval.decided_by,
        "decided_at": time_text(approval.decided_at),
    }
    if error.reason == rules.CLOSED:
        kind = EXPIRED if approval.state == rules.EXPIRED else DECIDED
        return Refused(kind, _closed(approval), **facts)
    if error.reason in {rules.NOT_A_REVIEWER, rules.OWN_REQUEST}:
        return Refused(NOT_A_REVIEWER, _not_entitled(error), **facts)
    return Refused(CONFLICT, _CONFLICTS[error.reason], conflict=error.reason, **facts)


_CONFLICTS: Final = {
    rules.STALE: "it was changed since you saw it; look at it again",
    rules.ALREADY_VOTED: "you agreed already; it waits for other reviewers",
    rules.UNDECIDED: "nobody has decided yet",
    rules.OTHER_ARGUMENTS: "these are not the arguments that were agreed to; ask for these",
    rules.OTHER_CONTENT: "this approval_id stands for a request about something else; make a new id",
    rules.OTHER_POLICY: "the policy has changed and asks for more than was given; ask again under a new id",
}


def _closed(approval: Approval) -> str:
    if approval.state == rules.EXPIRED:
        return f"it expired at {time_text(approval.expires_at if approval.decided_at is None else approval.lapses_at)}"
    who = f" by {approval.decided_by} at {time_text(approval.decided_at)}" if approval.decided_by else ""
    if approval.state == rules.CONSUMED:
        return f"it was approved{who} and used at {time_text(approval.consumed_at)}"
    return f"it was {approval.state}{who}"


def _not_entitled(error: ChangeRefused) -> str:
    if error.reason == rules.OWN_REQUEST:
        return "who asks may not decide; another reviewer has to"
    names = ", ".join(json.loads(error.approval.reviewers))
    return f"the rule wants one of {names}" if names else "the rule wants other reviewers"


def _blocked(rule: str, reason: str) -> NoReturn:
    raise Refused(ACTION_BLOCKED, reason, rule=rule)


def _unknown() -> NoReturn:
    raise Refused(NO_SUCH_THING, "no such request for approval")
