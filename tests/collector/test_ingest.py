import gzip
from concurrent.futures import Future

import pytest

from running import logs, traces
from whichstep_collector.counters import Counters
from whichstep_collector.errors import JournalFailed, JournalFull
from whichstep_collector.ingest import Ingest, Request
from whichstep_collector.journal import Journal
from whichstep_collector.redact import Redactor
from whichstep_collector.refusals import BACKLOG, DEFECT, JOURNAL_FAILED, TOO_LARGE, UNDECODABLE, Refused
from whichstep_store.batches import JournalPosition

START = JournalPosition(0, 0)


class FailingLog:
    """A journal on a disk that fails: at once when `offer` raises, later when the future does."""

    def __init__(self, *, now=None, later=None):
        self.now, self.later = now, later

    def offer(self, batch):
        if self.now:
            raise self.now
        written = Future()
        written.set_exception(self.later)
        return written


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def ingest_into(log, counters=None):
    return Ingest(
        log, redactor=Redactor(), counters=counters or Counters(), decoded_bytes_max=100_000, workers=1,
        time_ns=lambda: 1_790_000_000_000_000_000,
    )  # fmt: skip


def reply_to(log, request, counters=None):
    ingest = ingest_into(log, counters)
    try:
        return ingest.submit(request).result(timeout=10)
    finally:
        ingest.close()


def refusal_to(log, request):
    with pytest.raises(Refused) as caught:
        reply_to(log, request)
    return caught.value


def read(journal):
    return [batch for _, batch in journal.read(START)]


def test_the_reply_comes_when_the_batch_is_in_the_journal(journal):
    counters = Counters()
    reply = reply_to(journal, Request("traces", traces(1, 2).SerializeToString()), counters)
    assert (reply.rejected, reply.message) == (0, "")
    [batch] = read(journal)
    assert batch.spans["span_id"].to_pylist() == [1, 2]
    assert counters.value("whichstep_spans_accepted_total") == 2


def test_rejected_spans_are_counted_and_the_reasons_told_once(journal):
    counters = Counters()
    reply = reply_to(journal, Request("traces", traces(1, 0, 0, 0).SerializeToString()), counters)
    assert reply.rejected == 3
    assert reply.message.startswith("3 spans left out: ")
    assert counters.value("whichstep_spans_rejected_total") == 3


def test_logs_take_the_same_way(journal):
    counters = Counters()
    reply_to(journal, Request("logs", logs(3).SerializeToString()), counters)
    assert read(journal)[0].logs.num_rows == 3
    assert counters.value("whichstep_log_records_accepted_total") == 3


def test_a_secret_is_redacted_before_the_journal(journal, tmp_path):
    secret = "sk-proj-" + "A1b2C3d4" * 6
    reply_to(journal, Request("traces", traces(1, note=f"the key is {secret}").SerializeToString()))
    assert "REDACTED" in str(read(journal)[0].spans.to_pylist())
    assert secret not in str(read(journal))


def test_what_cannot_be_read_is_the_clients_fault_and_never_reaches_the_journal(journal):
    assert refusal_to(journal, Request("traces", b"\xff\xff\xff")).refusal is UNDECODABLE
    bomb = gzip.compress(bytes(1 << 20))
    assert refusal_to(journal, Request("traces", bomb, coding="gzip")).refusal is TOO_LARGE
    assert read(journal) == []


@pytest.mark.parametrize(
    ("log", "refusal"),
    [
        (FailingLog(now=JournalFull("full")), BACKLOG),
        (FailingLog(now=JournalFailed("closed")), JOURNAL_FAILED),
        (FailingLog(later=JournalFailed("no space in /secret/path")), JOURNAL_FAILED),
        (FailingLog(now=ValueError("a defect")), DEFECT),
    ],
)
def test_every_failure_of_the_journal_is_a_refusal_without_its_words(log, refusal):
    refused = refusal_to(log, Request("traces", traces(1).SerializeToString()))
    assert refused.refusal is refusal
    assert "secret" not in refused.message


def test_metrics_are_ignored_politely_and_said_once(journal, caplog):
    caplog.set_level("INFO", logger="whichstep.ingest")
    ingest = ingest_into(journal)
    for _ in range(3):
        assert ingest.submit(Request("metrics", b"anything")).result(timeout=10).rejected == 0
    ingest.close()
    assert caplog.text.count("metrics are accepted and not stored") == 1
    assert read(journal) == []
