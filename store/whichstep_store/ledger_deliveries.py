"""Messages about requests for approval on their way to a webhook: an outbox that survives a restart.

What is to be sent follows from the requests themselves, so nothing can be forgotten between a request and its message:
one message that a request waits, and one that it expired where the first was sent. Each is tried until it is taken,
the request is over, or ATTEMPTS_MAX is reached; every receipt is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from whichstep_store.approvals import EXPIRED, PENDING
from whichstep_store.ledger_file import LedgerFile

REQUESTED: Final = "requested"
WAITING, DELIVERED, UNDELIVERED, NEEDLESS = "waiting", "delivered", "undelivered", "needless"
PAUSES_SECONDS: Final = (5, 15, 60, 300, 900, 1800, 3600, 3600, 3600)
"""Before the next attempt; after the last of them the message is undelivered."""
ATTEMPTS_MAX: Final = len(PAUSES_SECONDS) + 1
_SECOND: Final = 1_000_000_000


class Delivery(NamedTuple):
    """One message and what became of it. Times are nanoseconds since the epoch."""

    approval_id: str
    event: str
    """requested or expired."""
    state: str
    """waiting, delivered, undelivered, or needless: decided before anything was sent."""
    attempts: int
    status: int | None
    """What the webhook answered last, as an HTTP status."""
    error: str | None
    """Why it was not taken last time."""
    created_at: int
    next_attempt_at: int
    delivered_at: int | None


class Deliveries:
    """The outbox of one ledger. Any number of threads may call; one may send."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    def due(self, now: int, *, limit: int = 20) -> list[Delivery]:
        """Messages to send now, the oldest first; new requests have theirs from here on."""
        with self._file.changing() as change:
            change.execute(_ENQUEUE_REQUESTED, {"now": now})
            change.execute(_ENQUEUE_EXPIRED, {"now": now})
            change.execute(_GIVE_UP)
        rows = self._file.rows(
            f"select {_COLUMNS} from approval_deliveries where state = '{WAITING}' and next_attempt_at <= ?"
            " order by created_at, approval_id limit ?",
            [now, limit],
        )
        return [Delivery(*row) for row in rows]

    def next_at(self) -> int | None:
        """When the next attempt is due."""
        found = self._file.rows(
            f"select min(next_attempt_at) as at from approval_deliveries where state = '{WAITING}'"
        )[0]["at"]
        return None if found is None else int(found)

    def taken(self, delivery: Delivery, *, status: int, now: int) -> None:
        """Keeps the receipt of a message that was taken."""
        self._record(delivery, DELIVERED, status=status, error=None, next_at=now, delivered_at=now)

    def refused(
        self, delivery: Delivery, *, status: int | None, error: str, now: int, pause_seconds: float | None = None
    ) -> None:
        """Keeps why a message was not taken, and when it is tried again; `pause_seconds`: as the receiver wants it."""
        is_last = delivery.attempts + 1 >= ATTEMPTS_MAX
        pause = 0 if is_last else max(PAUSES_SECONDS[delivery.attempts], pause_seconds or 0)
        state = UNDELIVERED if is_last else WAITING
        next_at = now + int(pause * _SECOND)
        self._record(delivery, state, status=status, error=error[:500], next_at=next_at, delivered_at=None)

    def of(self, approval_id: str) -> list[Delivery]:
        """The messages about one request."""
        rows = self._file.rows(
            f"select {_COLUMNS} from approval_deliveries where approval_id = ? order by created_at, event",
            [approval_id],
        )
        return [Delivery(*row) for row in rows]

    def latest(self, approval_ids: Sequence[str]) -> dict[str, Delivery]:
        """The newest message about each of these requests; those without one are left out."""
        rows = self._file.rows(
            f"select {_COLUMNS} from approval_deliveries where approval_id in ({', '.join('?' * len(approval_ids))})"
            " order by created_at, event",
            list(approval_ids),
        )
        return {row["approval_id"]: Delivery(*row) for row in rows}

    def count(self, state: str) -> int:
        """How many messages are in a state."""
        rows = self._file.rows("select count(*) as n from approval_deliveries where state = ?", [state])
        return int(rows[0]["n"])

    def _record(
        self,
        delivery: Delivery,
        state: str,
        *,
        status: int | None,
        error: str | None,
        next_at: int,
        delivered_at: int | None,
    ) -> None:
        with self._file.changing() as change:
            change.execute(
                "update approval_deliveries set state = ?, attempts = attempts + 1, status = ?, error = ?,"
                " next_attempt_at = ?, delivered_at = ? where approval_id = ? and event = ?",
                [state, status, error, next_at, delivered_at, delivery.approval_id, delivery.event],
            )


_COLUMNS: Final = ", ".join(Delivery._fields)
_ENQUEUE_REQUESTED: Final = f"""
    insert into approval_deliveries (approval_id, event, state, attempts, created_at, next_attempt_at)
    select approval_id, '{REQUESTED}', '{WAITING}', 0, :now, :now
    from approvals
    where state = '{PENDING}'
        and not exists (
            select 1 from approval_deliveries as sent
            where sent.approval_id = approvals.approval_id and sent.event = '{REQUESTED}'
        )
"""
_ENQUEUE_EXPIRED: Final = f"""
    insert into approval_deliveries (approval_id, event, state, attempts, created_at, next_attempt_at)
    select approval_id, '{EXPIRED}', '{WAITING}', 0, :now, :now
    from approvals
    where state = '{EXPIRED}' and decided_at is null
        and exists (
            select 1 from approval_deliveries as sent
            where sent.approval_id = approvals.approval_id and sent.event = '{REQUESTED}' and sent.state = '{DELIVERED}'
        )
        and not exists (
            select 1 from approval_deliveries as sent
            where sent.approval_id = approvals.approval_id and sent.event = '{EXPIRED}'
        )
"""
# A message that a request waits helps nobody once it does not.
_GIVE_UP: Final = f"""
    update approval_deliveries set state = case when attempts > 0 then '{UNDELIVERED}' else '{NEEDLESS}' end
    where state = '{WAITING}' and event = '{REQUESTED}'
        and approval_id in (select approval_id from approvals where state <> '{PENDING}')
"""
