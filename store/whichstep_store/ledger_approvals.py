"""Requests for approval in the ledger: what `approvals` says may become of them, each change on disk before it returns.

A change reads the request, asks the pure rules, and writes it only where it is still as it was read: two reviewers
cannot both decide. Time comes from `ForwardTime`, whose high-water mark is kept with the requests: a clock that is set
back, also across a restart, gives no request its time again. An expired request is written down once it is seen.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from whichstep_store import approvals as rules
from whichstep_store.approvals import (
    GRANTED,
    OTHER_CONTENT,
    PENDING,
    Approval,
    ChangeRefused,
    Requirement,
    Verdict,
)
from whichstep_store.forward_time import ForwardTime
from whichstep_store.ledger_file import Change, LedgerFile

_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Approval))
_FLAGS: Final = ("requester_may_review",)
FILTERS: Final = ("state", "agent", "action", "execution_id")


class Creation(NamedTuple):
    """A request, and whether it is new."""

    approval: Approval
    created: bool


class Cursor(NamedTuple):
    """Where a page ends: the time that it is ordered by, and the id."""

    at: int
    approval_id: str


class Page(NamedTuple):
    """Requests, how many match, and where the next page begins; None when this is the last."""

    approvals: list[Approval]
    total: int
    next: Cursor | None


class Approvals:
    """The requests of one ledger. Any number of threads may call."""

    def __init__(self, file: LedgerFile, *, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds since the epoch."""
        self._file = file
        marks = file.rows("select value from high_water where name = 'approvals'")
        self._time = ForwardTime(clock, latest=marks[0]["value"] if marks else 0)

    def now(self) -> int:
        """The time that deadlines are compared with, in nanoseconds since the epoch."""
        return self._time.now()

    def create(self, request: Approval, *, expires_in: int, granted: bool = False) -> Creation:
        """Writes a request that ends in `expires_in` nanoseconds; `granted`: nobody has to be asked.

        One that is there already under the same id is returned as it stands. Raises ChangeRefused where that one is
        about something else.
        """
        with self._file.changing() as change:
            now = self._mark(change)
            known = _find(change, request.approval_id)
            if known is None:
                new = dataclasses.replace(request, state=PENDING, created_at=now, expires_at=now + expires_in)
                new = rules.granted_by_policy(new) if granted else new
                _insert(change, new)
                return Creation(new, created=True)
        if not rules.same_request(known, request):
            raise ChangeRefused(OTHER_CONTENT, known)
        return Creation(self._changed(known.approval_id, lambda approval, _now: approval), created=False)

    def find(self, approval_id: str) -> Approval | None:
        """The request as it stands now; None when there is none of that id."""
        rows = self._file.rows("select * from approvals where approval_id = ?", [approval_id])
        if not rows:
            return None
        found = _approval(rows[0])
        if rules.as_of(found, self.now()) is found:
            return found
        return self._changed(approval_id, lambda approval, _now: approval)

    def decide(self, approval_id: str, verdict: Verdict, asked: Callable[[Approval], Requirement]) -> Approval:
        """Writes down a reviewer's word. `asked` says what the policy in force asks of the request as it stands.

        Raises ChangeRefused, with the request as it stands, and KeyError when there is no such request.
        """
        return self._changed(approval_id, lambda approval, now: rules.decided(approval, verdict, asked(approval), now))

    def consume(
        self,
        approval_id: str,
        digest: str,
        *,
        consumer: str | None = None,
        allowed: Callable[[Approval], bool] = lambda _approval: True,
    ) -> Approval:
        """Uses the decision up, once, for arguments of exactly this digest; `allowed`: by the policy in force.

        Raises ChangeRefused, with the request as it stands, and KeyError when there is no such request.
        """

        def used(approval: Approval, now: int) -> Approval:
            if approval.state in GRANTED and not allowed(approval):
                raise ChangeRefused(rules.OTHER_POLICY, approval)
            return rules.consumed(approval, digest, consumer, now)

        return self._changed(approval_id, used)

    def cancel(self, approval_id: str) -> Approval:
        """Ends a request that nobody needs any more. Raises ChangeRefused and KeyError as `decide` does."""
        return self._changed(approval_id, lambda approval, _now: rules.cancelled(approval))

    def delivered(self, approval_id: str) -> Approval:
        """Notes that the agent learned of the decision; the first time counts."""
        return self._changed(
            approval_id,
            lambda approval, now: (
                approval
                if approval.state == PENDING or approval.delivered_at
                else dataclasses.replace(approval, delivered_at=now)
            ),
        )

    def expire_due(self) -> list[str]:
        """Writes down every request whose time has passed; their ids."""
        now = self.now()
        due = [row["approval_id"] for row in self._file.rows(_DUE, {"now": now})]
        if not due:
            return []
        with self._file.changing() as change:
            self._mark(change)
            for approval_id in due:
                found = _find(change, approval_id)
                if found and (changed := rules.as_of(found, now)) is not found:
                    _update(change, found, changed)
        return due

    def last_change(self) -> int:
        """Grows with every change of any request."""
        rows = self._file.rows("select value from sequences where name = 'approvals'")
        return int(rows[0]["value"]) if rows else 0

    def next_deadline(self) -> int | None:
        """When the next request ends by itself, in nanoseconds since the epoch."""
        found = self._file.rows(_NEXT_DEADLINE)[0]["at"]
        return None if found is None else int(found)

    def count(self, state: str) -> int:
        """How many requests are in a state."""
        return int(self._file.rows("select count(*) as n from approvals where state = ?", [state])[0]["n"])

    def page(self, filters: Mapping[str, str], *, limit: int, after: Cursor | None = None) -> Page:
        """Requests that match (FILTERS): pending ones by the time that is left, all others the latest first."""
        self.expire_due()
        where = [f"{name} = :{name}" for name in filters] or ["true"]
        pending = filters.get("state") == PENDING
        order, beyond = ("expires_at", ">") if pending else ("created_at", "<")
        direction = "asc" if pending else "desc"
        total = self._file.rows(f"select count(*) as n from approvals where {' and '.join(where)}", dict(filters))
        values: dict[str, Any] = {**filters, "limit": limit + 1}
        if after is not None:
            where.append(f"({order}, approval_id) {beyond} (:at, :after)")
            values |= {"at": after.at, "after": after.approval_id}
        rows = self._file.rows(
            f"select * from approvals where {' and '.join(where)}"
            f" order by {order} {direction}, approval_id {direction} limit :limit",
            values,
        )
        found = [_approval(row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        at = (last.expires_at if pending else last.created_at) if last else 0
        return Page(found[:limit], int(total[0]["n"]), Cursor(at, last.approval_id) if last else None)

    def _changed(self, approval_id: str, change_of: Callable[[Approval, int], Approval]) -> Approval:
        """The request after a change; that its time has passed is written down even where the change is refused."""
        refused: ChangeRefused | None = None
        with self._file.changing() as change:
            now = self._mark(change)
            found = _find(change, approval_id)
            if found is None:
                raise KeyError(approval_id)
            changed = rules.as_of(found, now)
            try:
                changed = change_of(changed, now)
            except ChangeRefused as error:
                refused = error
            if changed != found:
                changed = _update(change, found, changed)
        if refused is not None:
            raise ChangeRefused(refused.reason, changed)
        return changed

    def _mark(self, change: Change) -> int:
        """Now, written down."""
        now = self.now()
        change.execute(
            "insert into high_water (name, value) values ('approvals', ?)"
            " on conflict (name) do update set value = max(value, excluded.value)",
            [now],
        )
        return now


_DUE: Final = f"""
    select approval_id from approvals where state = '{PENDING}' and expires_at <= :now
    union all
    select approval_id from approvals
    where state in ({", ".join(f"'{state}'" for state in GRANTED)}) and lapses_at <= :now
"""
_NEXT_DEADLINE: Final = f"""
    select min(at) as at from (
        select min(expires_at) as at from approvals where state = '{PENDING}'
        union all
        select min(lapses_at) from approvals where state in ({", ".join(f"'{state}'" for state in GRANTED)})
    )
"""


def _find(change: Change, approval_id: str) -> Approval | None:
    row = change.execute("select * from approvals where approval_id = ?", [approval_id]).fetchone()
    return None if row is None else _approval(row)


def _approval(row: sqlite3.Row) -> Approval:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    return Approval(**{**values, **{name: bool(values[name]) for name in _FLAGS}})


def _insert(change: Change, approval: Approval) -> None:
    names: Sequence[str] = ("sequence", *_COLUMNS)
    values = {"sequence": change.next_sequence("approvals"), **_values(approval)}
    change.execute(
        f"insert into approvals ({', '.join(names)}) values ({', '.join(f':{name}' for name in names)})", values
    )


def _update(change: Change, found: Approval, changed: Approval) -> Approval:
    """Writes what changed, where the request is still as it was found; with its next version."""
    changed = dataclasses.replace(changed, version=found.version + 1)
    assignments = ", ".join(f"{name} = :{name}" for name in ("sequence", *_COLUMNS))
    values = {
        **_values(changed),
        "sequence": change.next_sequence("approvals"),
        "found_state": found.state,
        "found_version": found.version,
    }
    done = change.execute(
        f"update approvals set {assignments}"
        " where approval_id = :approval_id and state = :found_state and version = :found_version",
        values,
    )
    if done.rowcount != 1:
        raise ChangeRefused(rules.STALE, found)
    return changed


def _values(approval: Approval) -> dict[str, Any]:
    return {name: getattr(approval, name) for name in _COLUMNS}
