"""Tells a webhook of requests for approval: signed, repeated until it is taken, with every receipt in the ledger.

The body is what Slack's incoming webhooks take, and many others with them: `text` and `blocks`, with a link to the
light page. It holds what a person needs to come and look, and none of the arguments. The signature is
`X-Whichstep-Signature: v1=HEX`, the HMAC-SHA256 of `v1:TIMESTAMP:BODY` under the secret, with `X-Whichstep-Timestamp`
in seconds, so that a receiver can refuse an old message that somebody sends again.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import orjson

from whichstep_collector.approvals.documents import time_text
from whichstep_collector.counters import Counters
from whichstep_collector.panics import contained
from whichstep_store.approvals import Approval
from whichstep_store.ledger_approvals import Approvals
from whichstep_store.ledger_deliveries import REQUESTED, Deliveries, Delivery

TIMEOUT_SECONDS: Final = 10.0
RETRY_AFTER_SECONDS_MAX: Final = 3600.0
_LOOK_SECONDS_MAX: Final = 60.0
_LOOK_SECONDS_MIN: Final = 0.1
_TROUBLE_SECONDS: Final = 5.0
_TEXT_CHARACTERS_MAX: Final = 2000
_SECOND: Final = 1_000_000_000

log = logging.getLogger("whichstep.webhook")


class Target(NamedTuple):
    """Where messages go, and where their links lead."""

    url: str
    secret: str | None
    public_url: str
    """Base address under which people reach this sidecar."""


class Webhook:
    """The thread that sends."""

    def __init__(
        self,
        target: Target,
        approvals: Approvals,
        deliveries: Deliveries,
        *,
        counters: Counters,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Nothing is sent before `start`."""
        self._target, self._approvals, self._deliveries = target, approvals, deliveries
        self._counters, self._time_ns = counters, time_ns
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new messages soon; returns at once."""
        self._wake.set()

    def stop(self, *, timeout_seconds: float) -> None:
        """End after the message that is being sent; the others wait in the ledger."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=not _is_loopback(self._target.url)) as http:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    seconds = contained(lambda: self._send_due(http))
                except Exception:  # what was not sent is still in the outbox
                    log.exception("the webhook could not be served; trying again")
                    seconds = _TROUBLE_SECONDS
                self._wake.wait(seconds)
                self._stopping.wait(_LOOK_SECONDS_MIN)

    def _send_due(self, http: httpx.Client) -> float:
        """Send what is due; the seconds until something is again."""
        for delivery in self._deliveries.due(self._approvals.now()):
            if self._stopping.is_set():
                return 0.0
            approval = self._approvals.find(delivery.approval_id)
            if approval is not None:
                self._send(http, delivery, approval)
        next_at = self._deliveries.next_at()
        if next_at is None:
            return _LOOK_SECONDS_MAX
        return min(max((next_at - self._approvals.now()) / _SECOND, 0.0), _LOOK_SECONDS_MAX)

    def _send(self, http: httpx.Client, delivery: Delivery, approval: Approval) -> None:
        body = orjson.dumps(message(approval, delivery.event, self._target.public_url))
        seconds = self._time_ns() // _SECOND
        headers = {
            "content-type": "application/json",
            "user-agent": "whichstep",
            "x-whichstep-event": delivery.event,
            "x-whichstep-approval": approval.approval_id,
            **signature(self._target.secret, seconds, body),
        }
        status, error, pause = None, "", None
        try:
            answer = http.post(self._target.url, content=body, headers=headers)
            status, pause = answer.status_code, _retry_after(answer)
            error = "" if answer.is_success else f"it answered {answer.status_code}: {answer.text[:200]}"
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = str(failure) or type(failure).__name__
        now = self._approvals.now()
        if status is not None and not error:
            self._deliveries.taken(delivery, status=status, now=now)
            self._counters.add("whichstep_webhook_messages_total", result="delivered")
            return
        self._deliveries.refused(delivery, status=status, error=error, now=now, pause_seconds=pause)
        self._counters.add("whichstep_webhook_messages_total", result="refused")
        if delivery.attempts == 0:
            log.warning("a message about %s was not taken: %s; trying again", approval.approval_id, error)


def signature(secret: str | None, seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body, empty without a secret."""
    if not secret:
        return {}
    signed = hmac.new(secret.encode(), f"v1:{seconds}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-whichstep-timestamp": str(seconds), "x-whichstep-signature": f"v1={signed}"}


def message(approval: Approval, event: str, public_url: str) -> dict[str, Any]:
    """Return the message as Slack takes it; texts of agents are escaped and bounded."""
    link = f"{public_url.rstrip('/')}/approvals/{approval.approval_id}"
    action, summary = _escaped(approval.action), _escaped(approval.summary or "")
    if event == REQUESTED:
        text = f"Approval wanted: *{action}*. {summary}"
        button = "Look and decide"
    else:
        text = f"Nobody decided in time: *{action}*. {summary}"
        button = "Look"
    facts = {
        "risk": f"{approval.risk_level}, by rule {approval.rule or 'unknown'}",
        "agent": approval.agent,
        "task": approval.task_id or approval.task_type,
        "release": approval.release,
        "expires" if event == REQUESTED else "expired": (time_text(approval.expires_at) or "")[:19].replace("T", " ")
        + " UTC",
    }
    context = " · ".join(f"{name} {_escaped(value)}" for name, value in facts.items() if value)
    return {
        "text": f"{text} {link}",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": context}]},
            {"type": "actions", "elements": [_button(button, link)]},
        ],
    }


def _button(text: str, link: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "url": link}


def _escaped(text: str) -> str:
    """A text that Slack shows as it is: no link, no mention, no other line."""
    shown = " ".join(text[:_TEXT_CHARACTERS_MAX].split())
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_SECONDS_MAX) if text.isdecimal() else None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
