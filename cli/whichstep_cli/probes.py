"""What the doctor asks of the running sidecar itself: journal, doors, loader, jobs and dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from whichstep_analytics.answers import Check, Probe
from whichstep_cli.dashboard import Place, answers
from whichstep_collector.counters import Counters

BACKLOG_BYTES_WARN: Final = 64 * 2**20
"""A segment of the journal; the loader is usually a fraction of a second behind."""


def sidecar_probe(counters: Counters) -> Probe:
    """Checks over the figures of one sidecar, counted since it started."""

    def checks() -> Sequence[Check]:
        return [_journal(counters), _loader(counters), _rejected(counters), _jobs(counters)]

    return checks


def dashboard_probe(place: Place) -> Probe:
    """Whether the dashboard answers; `detail` is its address."""

    def checks() -> Sequence[Check]:
        if answers(place):
            return [Check("dashboard", "ok", "the dashboard answers", place.url)]
        remedy = "it may be starting; the sidecar's log says why it ended"
        return [Check("dashboard", "warn", "the dashboard does not answer", place.url, remedy)]

    return checks


def _journal(counters: Counters) -> Check:
    backlog = int(counters.value("whichstep_journal_backlog_bytes"))
    failures = int(counters.value("whichstep_journal_failures_total"))
    said = f"{backlog:,} bytes acknowledged and not yet loaded"
    if failures:
        return Check(
            "journal", "fail", said, f"the disk refused {failures:,} groups", "look at the disk of the data folder"
        )
    if backlog > BACKLOG_BYTES_WARN:
        return Check("journal", "warn", said, remedy="more arrives than is loaded: wait, or send less at once")
    return Check("journal", "ok", said)


def _loader(counters: Counters) -> Check:
    aside = int(counters.value("whichstep_batches_set_aside_total"))
    if aside:
        said = f"{aside:,} batches could not be stored and are set aside in the journal's folder"
        return Check("loader", "fail", said, remedy="please report it with the sidecar's log")
    failures = int(counters.value("whichstep_load_failures_total"))
    return Check("loader", "ok", f"{failures:,} transactions had to be repeated")


def _rejected(counters: Counters) -> Check:
    accepted = int(counters.value("whichstep_spans_accepted_total"))
    rejected = int(counters.value("whichstep_spans_rejected_total"))
    said = f"{accepted:,} spans accepted since the start, {rejected:,} rejected"
    if not rejected:
        return Check("doors", "ok", said)
    return Check("doors", "warn", said, remedy="the sender's answers say why: partial_success.error_message")


def _jobs(counters: Counters) -> Check:
    failures = int(counters.value("whichstep_job_failures_total"))
    if not failures:
        return Check("job_rounds", "ok", "no round of the jobs failed")
    remedy = "the sidecar's log has the cause; failed rounds are repeated"
    return Check("job_rounds", "warn", f"{failures:,} rounds of the jobs failed", remedy=remedy)
