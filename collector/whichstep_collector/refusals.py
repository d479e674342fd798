"""The one table of refusals: why something was not accepted, and what each protocol then says.

A client repeats a request only on 429, 502, 503, 504, or UNAVAILABLE; everything else it drops. So: the fault of the
data gives 400 or a relative, once; anything that time mends is retryable with a short wait, because the Python and
JavaScript exporters give up when the wait exceeds what is left of their ten seconds; INTERNAL is for a bug of ours
that the same bytes would meet again. Replies carry these sentences, or the decoder's own, never the text of an
exception.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

MESSAGE_BYTES_MAX: Final = 1000
RETRY_AFTER_SECONDS: Final = (1, 3)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason: its codes, whether the client should come back, and a sentence for people."""

    reason: str
    http_status: int
    grpc_code: int
    """Number of the code in google.rpc.Code."""
    message: str
    retryable: bool = False


INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 3, 7, 8, 12
NOT_FOUND, INTERNAL, UNAVAILABLE, UNAUTHENTICATED, CANCELLED, FAILED_PRECONDITION = 5, 13, 14, 16, 1, 9

UNDECODABLE: Final = Refusal(
    "undecodable", 400, INVALID_ARGUMENT, "the body is not an OTLP export request in the encoding that its type names"
)
CORRUPT: Final = Refusal(
    "corrupt", 400, INVALID_ARGUMENT, "the body cannot be decompressed with the coding that Content-Encoding names"
)
BAD_REQUEST: Final = Refusal("bad_request", 400, INVALID_ARGUMENT, "the request cannot be understood")
UNAUTHENTICATED_CLIENT: Final = Refusal(
    "unauthenticated", 401, UNAUTHENTICATED, "a valid token is needed: Authorization: Bearer TOKEN"
)
FORBIDDEN: Final = Refusal("forbidden", 403, PERMISSION_DENIED, "the token does not have the scope that this needs")
FOREIGN_HOST: Final = Refusal(
    "foreign_host", 403, PERMISSION_DENIED,
    "without tokens only requests to a loopback name, from no foreign web page, are served",
)  # fmt: skip
NO_SUCH_THING: Final = Refusal("no_such_thing", 404, NOT_FOUND, "there is nothing of that id here")
NOT_FOUND_PATH: Final = Refusal(
    "not_found", 404, UNIMPLEMENTED, "nothing is served here; OTLP goes to /v1/traces, /v1/logs and /v1/metrics"
)
WRONG_METHOD: Final = Refusal("wrong_method", 405, UNIMPLEMENTED, "the path is served, but not with this method")
SLOW_BODY: Final = Refusal("slow_body", 408, CANCELLED, "the body did not arrive in time")
CLIENT_GONE: Final = Refusal("client_gone", 408, CANCELLED, "the client closed the connection")
ACTION_BLOCKED: Final = Refusal(
    "action_blocked", 403, PERMISSION_DENIED, "the policy blocks this action; it must not run"
)
NOT_A_REVIEWER: Final = Refusal(
    "not_a_reviewer", 403, PERMISSION_DENIED, "this token's owner may not decide this request"
)
DECIDED: Final = Refusal("decided", 409, FAILED_PRECONDITION, "the request is not open any more")
CONFLICT: Final = Refusal("conflict", 409, FAILED_PRECONDITION, "this does not fit the request as it stands")
EXPIRED: Final = Refusal("expired", 410, FAILED_PRECONDITION, "the request has expired; nobody decided it in time")
TOO_LARGE: Final = Refusal(
    "too_large", 413, RESOURCE_EXHAUSTED, "the body is larger than this sidecar accepts; export in smaller batches"
)
UNSUPPORTED_TYPE: Final = Refusal(
    "unsupported_type", 415, INVALID_ARGUMENT, "Content-Type must be application/x-protobuf or application/json"
)
GRPC_ON_HTTP: Final = Refusal(
    "grpc_on_http", 415, INVALID_ARGUMENT, "this port speaks OTLP/HTTP; OTLP/gRPC has its own, 4317 unless configured"
)
UNSUPPORTED_CODING: Final = Refusal(
    "unsupported_coding", 415, INVALID_ARGUMENT, "Content-Encoding must be one of gzip, deflate, zstd or identity"
)
SQL_STOPPED: Final = Refusal(
    "sql_stopped", 422, INVALID_ARGUMENT, "the query was stopped at its limit; ask for less, or for a shorter time"
)
BUSY: Final = Refusal("busy", 429, UNAVAILABLE, "too much is in flight; send it again", retryable=True)
BACKLOG: Final = Refusal("backlog", 503, UNAVAILABLE, "the store is behind; send it again", retryable=True)
DISK_FULL: Final = Refusal(
    "disk_full", 503, UNAVAILABLE, "the disk of the sidecar is full; send it again", retryable=True
)
JOURNAL_FAILED: Final = Refusal(
    "journal_failed", 503, UNAVAILABLE, "the sidecar could not write to its disk; send it again", retryable=True
)
NOT_READY: Final = Refusal("not_ready", 503, UNAVAILABLE, "the sidecar cannot answer now; ask again", retryable=True)
STOPPING: Final = Refusal("stopping", 503, UNAVAILABLE, "the sidecar is stopping; send it again", retryable=True)
DEFECT: Final = Refusal(
    "defect", 500, INTERNAL, "the sidecar has a defect that this request meets; its log has the cause"
)

REFUSALS: Final = (
    UNDECODABLE, CORRUPT, BAD_REQUEST, UNAUTHENTICATED_CLIENT, FORBIDDEN, FOREIGN_HOST, NO_SUCH_THING, NOT_FOUND_PATH,
    WRONG_METHOD, SLOW_BODY, CLIENT_GONE, ACTION_BLOCKED, NOT_A_REVIEWER, DECIDED, CONFLICT, EXPIRED, TOO_LARGE,
    UNSUPPORTED_TYPE, GRPC_ON_HTTP, UNSUPPORTED_CODING, SQL_STOPPED,
    BUSY, BACKLOG, DISK_FULL, JOURNAL_FAILED, NOT_READY, STOPPING, DEFECT,
)  # fmt: skip


class Refused(Exception):  # noqa: N818  it is a reply, not a defect
    """A request is not accepted, for a reason of the table; `detail` adds a sentence of our own making.

    `facts` are further members of the problem document, as JSON.
    """

    def __init__(self, refusal: Refusal, detail: str = "", **facts: object) -> None:
        super().__init__(refusal.reason, detail)
        self.refusal = refusal
        self.detail = detail
        self.facts = facts

    @property
    def message(self) -> str:
        """What the client is told, at most 1,000 bytes."""
        return shortened(f"{self.refusal.message}: {self.detail}" if self.detail else self.refusal.message)


def retry_after_seconds(refusal: Refusal) -> int | None:
    """Return how long a client is asked to wait, whole seconds with jitter; None when it should not come back."""
    return random.randint(*RETRY_AFTER_SECONDS) if refusal.retryable else None  # noqa: S311  jitter, no secret


def status(refused: Refused, retry_after: int | None) -> Status:
    """Return the `google.rpc.Status` of a refusal, with RetryInfo or BadRequest where they apply."""
    answer = Status(code=refused.refusal.grpc_code, message=refused.message)
    if retry_after is not None:
        _add_detail(answer, retry_info(retry_after))
    elif refused.refusal.grpc_code == INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(field=refused.refusal.reason, description=refused.message)
        _add_detail(answer, BadRequest(field_violations=[violation]))
    return answer


def retry_info(retry_after: int) -> RetryInfo:
    """Return the gRPC form of a wait."""
    return RetryInfo(retry_delay=Duration(seconds=retry_after))


def shortened(text: str) -> str:
    """Return a text of at most 1,000 bytes of UTF-8, cut between characters."""
    return text.encode("utf-8", "replace")[:MESSAGE_BYTES_MAX].decode("utf-8", "ignore")


def _add_detail(answer: Status, detail: RetryInfo | BadRequest) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    answer.details.append(packed)
