"""The sidecar: doors, journal, loader, jobs and API over a store that the composition root opened.

Plain wiring, in the order in which the parts need each other; `stop` goes the other way round: refuse what is new,
answer what is in flight, sync, load, checkpoint. Nothing acknowledged is lost when the process is killed instead.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from whichstep.policy import Policy
from whichstep_collector.admission import Admission
from whichstep_collector.answers import Answers, SecondOpinion
from whichstep_collector.api import Api
from whichstep_collector.api_approvals import ApprovalsApi
from whichstep_collector.api_judge import judge_route
from whichstep_collector.api_policy import policy_route
from whichstep_collector.api_query import QueryLimits
from whichstep_collector.api_workflows import WorkflowsApi
from whichstep_collector.approvals.desk import Desk
from whichstep_collector.approvals.keeper import ApprovalKeeper
from whichstep_collector.approvals.login import LoginPages
from whichstep_collector.approvals.page import ApprovalPages
from whichstep_collector.approvals.policy import Judge
from whichstep_collector.approvals.sessions import Sessions
from whichstep_collector.approvals.waiting import Waiting
from whichstep_collector.counters import Counters
from whichstep_collector.errors import SettingsError
from whichstep_collector.gate import Gate
from whichstep_collector.health import Check
from whichstep_collector.http_server import HttpServer
from whichstep_collector.ingest import Ingest
from whichstep_collector.job_thread import JobThread
from whichstep_collector.journal import Journal
from whichstep_collector.loader import START, Loader
from whichstep_collector.receive_grpc import GrpcDoor
from whichstep_collector.receive_http import otlp_entries
from whichstep_collector.redact import Redactor, load_patterns
from whichstep_collector.redact_patterns import PatternsError
from whichstep_collector.settings import Settings
from whichstep_collector.tokens import FIRST_REVIEWER, INGEST, READ, REVIEW, Grant, Tokens, grant, reviewer_token
from whichstep_store.approvals import EXPIRED, PENDING
from whichstep_store.errors import StoreError
from whichstep_store.ledger_deliveries import UNDELIVERED
from whichstep_store.store import Store

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")

_RESTORING_SECONDS: Final = 0.25

if TYPE_CHECKING:
    from whichstep_collector.approvals.webhook import Webhook

log = logging.getLogger("whichstep")


class Addresses(NamedTuple):
    """Where a running sidecar answers."""

    http: str
    """Base address of OTLP/HTTP and the API, as `http://127.0.0.1:4318`."""
    grpc: str
    """Of OTLP/gRPC, as `http://127.0.0.1:4317`."""


class Sidecar:
    """One sidecar over one open store, which it does not close. `start` it once, `stop` it once."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        answers: Answers,
        tick: Callable[[], float],
        counters: Counters | None = None,
        policy: Policy | None = None,
        judge: SecondOpinion | None = None,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Open the journal and build the parts; nothing listens yet.

        Args:
            settings: what to do.
            store: open, owned by this process.
            answers: what the API answers.
            tick: runs the jobs that are due; returns the seconds until it wants to run again.
            counters: figures about this process; its own unless given.
            policy: decides on actions, and agents are told it; without one the agents' own word stands.
            judge: gives a second opinion on an execution, where one is set.
            time_ns: the time of receipt.

        Raises:
            SettingsError: the address is public and there is no token, or the patterns file cannot be used.
        """
        self._settings, self._store = settings, store
        redactor = _redactor(settings)
        self.counters = counters or Counters()
        self._sessions = Sessions(settings.oidc_session_seconds)
        self._tokens = _tokens(settings, store, self._sessions)
        self._own_url = _url(settings.host, settings.http_port)
        if not self._tokens.required and not is_loopback(settings.host):
            raise SettingsError(
                f"host is {settings.host}, which others can reach, and there is no token: set WHICHSTEP_TOKEN, "
                "or listen on 127.0.0.1"
            )
        public = urlsplit(settings.public_url or "").hostname
        if settings.oidc_issuer and public and not is_loopback(public) and not self._tokens.required:
            raise SettingsError(
                f"public_url is {settings.public_url}, which others can reach, and there is no token: set "
                "WHICHSTEP_TOKEN, which agents and readers then send"
            )
        self._admission = Admission(
            settings.data_dir,
            in_flight_bytes_max=settings.in_flight_bytes_max,
            disk_free_bytes_min=settings.disk_free_bytes_min,
        )
        self._journal = Journal(
            settings.data_dir / "journal",
            loaded=store.reader.journal_position() or START,
            segment_bytes=settings.journal_segment_bytes,
            commit_interval_seconds=settings.journal_commit_interval_seconds,
            backlog_bytes_max=settings.journal_backlog_bytes_max,
        )
        self._tick = tick
        self._jobs = JobThread(self._round, counters=self.counters)
        self._loader = Loader(
            self._journal,
            store,
            counters=self.counters,
            interval_seconds=settings.load_interval_seconds,
            rows_max=settings.load_rows_max,
            checkpoint_interval_seconds=settings.checkpoint_interval_seconds,
            on_load=self._jobs.wake,
        )
        self._ingest = Ingest(
            self._journal,
            redactor=redactor,
            counters=self.counters,
            decoded_bytes_max=settings.decoded_bytes_max,
            workers=settings.decode_workers,
            time_ns=time_ns,
        )
        self._waiting = Waiting()
        self._keeper = ApprovalKeeper(store, self._waiting, on_shown=self._approvals_shown)
        self._webhook: Webhook | None = None
        requests = store.ledger.approvals
        desk = Desk(requests, Judge(policy), on_change=self._keeper.changed)
        self._approvals = ApprovalsApi(desk, store.ledger, self._waiting, clean=redactor.redact_text)
        login = self._login_pages()
        pages = ApprovalPages(
            desk,
            requests,
            self._tokens,
            self._approvals.run,
            dashboard=_dashboard_url(settings),
            login=urlsplit(settings.oidc_issuer).netloc if settings.oidc_issuer else "",
        )
        self._workflows = WorkflowsApi(answers, time_ns=time_ns)
        self._api = Api(
            answers=answers,
            store=store,
            counters=self.counters,
            limits=QueryLimits(settings.query_rows_max, settings.query_timeout_seconds, settings.query_memory_max),
            workers=settings.query_workers,
            checks=self._checks(),
            on_decision=self._jobs.wake,
            further=[
                *self._approvals.routes(),
                *self._workflows.routes(),
                *pages.routes(),
                *(login.routes() if login else ()),
                policy_route(policy),
                judge_route(judge, on_decision=self._jobs.wake),
            ],
            time_ns=time_ns,
        )
        self._http = HttpServer(self.gate())
        self._grpc = GrpcDoor(
            ingest=self._ingest,
            admission=self._admission,
            tokens=self._tokens,
            counters=self.counters,
            message_bytes_max=settings.decoded_bytes_max,
        )
        self._watch_figures(redactor)

    def start(self) -> Addresses:
        """Open the doors and begin to load; returns when requests are answered.

        Raises:
            PortInUse: a port is taken; the message names it. Nothing runs then.
        """
        host = self._settings.host
        grpc_port = self._grpc.start(host, self._settings.grpc_port)
        try:
            http_port = self._http.start(host, self._settings.http_port)
        except BaseException:
            self._grpc.stop(grace_seconds=0)
            self._ingest.close()
            self._journal.close()
            raise
        self._own_url = _url(host, http_port)
        self._loader.start()
        self._jobs.start()
        self._keeper.start()
        self._webhook = self._webhook_for(self._own_url)
        if self._webhook:
            self._webhook.start()
        return Addresses(http=_url(host, http_port), grpc=_url(host, grpc_port))

    @property
    def dashboard_token(self) -> str:
        """What the dashboard reads with: the first reviewer's token, or one that only reads where reviewers sign in."""
        if self._settings.oidc_issuer is None:
            return reviewer_token(self._settings.data_dir)
        return self._sessions.begin("dashboard", READ, seconds=math.inf)

    def _round(self) -> float:
        """A round of the jobs; none before the journal is read again after a crash: executions would be empty."""
        return self._tick() if self._loader.is_restored else _RESTORING_SECONDS

    def stop(self) -> bool:
        """Drain within the time of the settings; return whether everything acknowledged is in the store."""
        deadline = time.monotonic() + self._settings.drain_seconds

        def left() -> float:
            return max(deadline - time.monotonic(), 0.1)

        self._admission.stop()
        self._admission.wait_until_idle(timeout_seconds=left())
        self._waiting.close()
        self._http.stop(grace_seconds=min(left(), 2.0))
        self._grpc.stop(grace_seconds=min(left(), 2.0))
        self._ingest.close()
        self._journal.close()
        loaded = self._loader.stop(timeout_seconds=left())
        self._jobs.stop(timeout_seconds=left())
        self._keeper.stop(timeout_seconds=left())
        if self._webhook:
            self._webhook.stop(timeout_seconds=left())
        self._approvals.close()
        self._workflows.close()
        self._api.close()
        self._leave_tidy(loaded=loaded)
        return loaded

    def gate(self) -> Gate:
        """Return the application of the HTTP port: every route behind the one gate."""
        settings = self._settings
        otlp = otlp_entries(
            ingest=self._ingest,
            admission=self._admission,
            counters=self.counters,
            request_bytes_max=settings.request_bytes_max,
            body_timeout_seconds=settings.body_timeout_seconds,
        )
        return Gate(
            [*otlp, *self._api.entries()],
            tokens=self._tokens,
            hosts=(*LOOPBACK_NAMES, settings.host),
            counters=self.counters,
            path_prefix=settings.path_prefix,
        )

    def _approvals_shown(self) -> None:
        self._jobs.wake()
        if self._webhook:
            self._webhook.wake()

    def _login_pages(self) -> LoginPages | None:
        """Where reviewers sign in at an identity provider, where the settings name one."""
        settings = self._settings
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        try:
            from whichstep_collector.approvals.oidc import Client, Provider  # noqa: PLC0415  few name one
        except ImportError as error:
            raise SettingsError(
                f"oidc_issuer is set, and {error.name} is missing: pip install 'whichstep[oidc]'"
            ) from error
        reviewers = [name.strip() for name in (settings.oidc_reviewers or "").split(",") if name.strip()]
        client = Client(
            settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_claim, reviewers
        )
        return LoginPages(
            Provider(client),
            self._sessions,
            self._approvals.run,
            address=lambda: (settings.public_url or self._own_url).rstrip("/"),
            dashboard=_dashboard_url(settings),
        )

    def _webhook_for(self, own_url: str) -> Webhook | None:
        settings, ledger = self._settings, self._store.ledger
        if settings.webhook_url is None:
            return None
        from whichstep_collector.approvals.webhook import Target, Webhook  # noqa: PLC0415  few name one

        target = Target(settings.webhook_url, settings.webhook_secret, settings.public_url or own_url)
        return Webhook(target, ledger.approvals, ledger.deliveries, counters=self.counters)

    def _leave_tidy(self, *, loaded: bool) -> None:
        """Seal and checkpoint, so that the next start is quick; without it, it reads the journal and the log."""
        try:
            if loaded:
                self._loader.seal()
            else:
                self._loader.checkpoint()
        except StoreError as error:
            log.warning("stopped without a checkpoint; the next start takes longer: %s", error)

    def _checks(self) -> dict[str, Check]:
        return {
            "store": lambda: _query_trouble(self._store),
            "disk": lambda: "the disk is full" if self._admission.disk_is_full() else None,
            "loader": lambda: self._loader.trouble,
            "doors": lambda: "stopping" if self._admission.stopping else None,
        }

    def _watch_figures(self, redactor: Redactor) -> None:
        watch, state = self.counters.watch, self._journal.state
        watch("whichstep_in_flight_bytes", self._admission.in_flight_bytes)
        watch("whichstep_disk_free_bytes", self._admission.disk_free_bytes)
        watch("whichstep_redactions_total", lambda: sum(list(redactor.counts.values())))
        watch("whichstep_journal_segments", lambda: state().segments)
        watch("whichstep_journal_bytes", lambda: state().bytes)
        watch("whichstep_journal_backlog_bytes", lambda: state().backlog_bytes)
        watch("whichstep_journal_damaged_bytes", lambda: state().damaged_bytes)
        watch("whichstep_journal_syncs_total", lambda: state().syncs)
        watch("whichstep_journal_failures_total", lambda: state().failures)
        ledger = self._store.ledger
        watch("whichstep_approvals_pending", lambda: ledger.approvals.count(PENDING))
        watch("whichstep_approvals_expired", lambda: ledger.approvals.count(EXPIRED))
        watch("whichstep_approval_waiters", self._waiting.count)
        watch("whichstep_approval_messages_undelivered", lambda: ledger.deliveries.count(UNDELIVERED))


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _redactor(settings: Settings) -> Redactor:
    try:
        return Redactor(load_patterns(settings.redact))
    except PatternsError as error:
        raise SettingsError(str(error)) from error


def _tokens(settings: Settings, store: Store, sessions: Sessions) -> Tokens:
    grants = [grant(reviewer_token(settings.data_dir), READ, REVIEW, name=FIRST_REVIEWER)]
    if settings.token:
        grants.append(grant(settings.token, INGEST, READ, name="WHICHSTEP_TOKEN"))
    return Tokens(
        grants,
        more=lambda: [Grant(token.digest, token.scopes, token.name) for token in store.ledger.tokens()],
        session=sessions.find,
    )


def _query_trouble(store: Store) -> str | None:
    try:
        store.reader.journal_position()
    except StoreError as error:
        log.warning("not ready: %s", error)
        return "the store does not answer"
    return None


def _dashboard_url(settings: Settings) -> str | None:
    """Return where the dashboard of these settings is; None where it has no address that is known before."""
    return _url(settings.host, settings.dashboard_port) if settings.dashboard and settings.dashboard_port else None


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
