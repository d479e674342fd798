from __future__ import annotations

import hashlib
import sqlite3

import pytest

from store_builders import NOON, SECOND, batch, content, results, span, trace
from whichstep_store.ledger import MIRRORED, Ledger
from whichstep_store.store import Store

A, B = trace(1).hex(), trace(2).hex()


@pytest.fixture
def ledger(tmp_path, clock):
    opened = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    yield opened
    opened.close()


def views(store, name, columns="*"):
    return store.reader.sql(f"select {columns} from {name}").to_pylist()


def test_an_evaluation_shows_in_the_view_at_once(store, clock):
    store.ledger.add_evaluation(
        execution_id=A, step_id="ffffffffffffffff", name="helpful", score=0.5, source="CODE", author="ci"
    )
    (row,) = views(store, "evaluations")
    assert (row["execution_id"], row["step_id"], row["score"], row["trusted"]) == (A, "f" * 16, 0.5, False)
    assert store._database.read("select epoch_ns(created_at) n from evaluation_rows").to_pylist() == [{"n": clock.now}]


def test_only_a_human_is_trusted_unless_said_otherwise(store):
    store.ledger.add_evaluation(execution_id=A, name="task_success", label="pass", source="HUMAN")
    store.ledger.add_evaluation(execution_id=A, name="task_success", label="pass", source="LLM")
    found = {row["source"]: row["trusted"] for row in views(store, "evaluations")}
    assert found == {"HUMAN": True, "LLM": False}


def test_the_same_author_changes_a_mind_and_another_adds_a_voice(store):
    first = store.ledger.add_evaluation(execution_id=A, name="n", score=0.1, source="HUMAN", author="ann")
    again = store.ledger.add_evaluation(execution_id=A, name="n", score=0.9, source="HUMAN", author="ann")
    other = store.ledger.add_evaluation(execution_id=A, name="n", score=0.5, source="HUMAN", author="bob")
    assert first == again != other
    assert {row["author"]: row["score"] for row in views(store, "evaluations")} == {"ann": 0.9, "bob": 0.5}


def test_an_evaluation_touches_the_traces_of_its_execution(store):
    mapping = [{"trace_id": A, "execution_id": B, "rule": "links", "started_at": NOON}]
    store.writer.replace_results(results(trace_executions=mapping))
    store.ledger.add_evaluation(execution_id=B, name="task_success", label="pass", source="HUMAN")
    assert store.reader.touched()["trace_id"].to_pylist() == [A]
    inputs = store.reader.job_inputs([A], since=NOON, until=NOON + SECOND)
    assert inputs.evaluations.select(["execution_id", "label", "trusted"]).to_pylist() == [
        {"execution_id": B, "label": "pass", "trusted": True}
    ]


def test_what_was_committed_is_mirrored_at_the_next_start(store, clock):
    store.close()
    ledger = Ledger(store.data_dir / "ledger.sqlite", clock=clock)
    ledger.add_evaluation(execution_id=A, name="n", score=1, source="CODE")
    ledger.add_expectation(execution_id=A, expectation='{"tools": ["t"]}')
    ledger.close()
    for _ in range(2):
        with Store.open(store.data_dir, clock=clock) as again:
            assert len(views(again, "evaluations")) == len(views(again, "expectations")) == 1


def test_sequence_numbers_never_come_twice(ledger):
    for _ in range(3):
        ledger.add_evaluation(execution_id=A, name="n", score=1, source="CODE")
    ledger.add_evaluation(execution_id=B, name="n", score=1, source="CODE")
    assert [row["sequence"] for row in ledger.changes("evaluations", after=0)] == [3, 4]
    assert ledger.changes("evaluations", after=4) == []


def test_a_mirror_has_the_columns_of_its_ledger_table(store):
    connection = sqlite3.connect(store.data_dir / "ledger.sqlite")
    for table in MIRRORED:
        own = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        mirrored = store._database.read(f"select * from {table.removesuffix('s')}_rows").column_names
        assert own == mirrored
    connection.close()


def test_every_kind_of_decision_can_be_mirrored(store):
    connection = sqlite3.connect(store.data_dir / "ledger.sqlite")
    connection.execute(
        "insert into approvals (sequence, approval_id, execution_id, step_id, state, action, created_at, expires_at)"
        " values (1, 'a-1', ?, '00000000000000ff', 'pending', 'send_email', ?, ?)",
        [A, NOON, NOON + SECOND],
    )
    connection.execute(
        "insert into gates (sequence, gate_id, stage, candidate, verdict, report, created_at)"
        " values (1, 'g-1', 'ci', 'r2', 'ship', '{}', ?)",
        [NOON],
    )
    connection.commit()
    connection.close()
    store.ledger.add_evaluation(execution_id=A, name="n", score=1, source="CODE")
    assert [(row["state"], row["step_id"]) for row in views(store, "approvals")] == [("pending", "00000000000000ff")]
    assert [row["verdict"] for row in views(store, "gates")] == ["ship"]
    assert [row["action"] for row in views(store, "actions")] == ["send_email"]


def test_a_token_is_kept_as_its_digest_only(ledger, tmp_path):
    token = ledger.add_token("ci", ["ingest", "read"])
    (kept,) = ledger.tokens()
    assert (kept.digest, kept.scopes) == (hashlib.sha256(token.encode()).digest(), frozenset({"ingest", "read"}))
    assert all(token.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    assert ledger.revoke_token(kept.token_id)
    assert not ledger.revoke_token(kept.token_id)
    assert ledger.tokens() == []
    with pytest.raises(ValueError, match="scopes"):
        ledger.add_token("x", ["root"])


def test_the_ledger_is_readable_by_its_owner_only(ledger, tmp_path):
    assert (tmp_path / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_refused_change_leaves_nothing_and_the_next_one_works(ledger):
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_evaluation(execution_id=A, name="n", source="NOBODY")
    ledger.add_evaluation(execution_id=A, name="n", source="CODE")
    assert len(ledger.changes("evaluations", after=0)) == 1


def test_a_busy_database_does_not_undo_a_decision(store, monkeypatch, caplog):
    from whichstep_store import mirror
    from whichstep_store.errors import StoreFull

    def full(*_):
        raise StoreFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr(mirror, "_replace", full)
        store.ledger.add_evaluation(execution_id=A, name="n", score=1, source="CODE")
    assert views(store, "evaluations") == []
    assert "next one" in caplog.text
    store.ledger.add_evaluation(execution_id=A, name="m", score=1, source="CODE")
    assert len(views(store, "evaluations")) == 2


def test_evaluations_over_otlp_stand_beside_the_ledgers(store):
    from store_builders import log

    store.writer.load([batch([span(1, 1)], [content(1, "x")], [log(1, evaluation_source="HUMAN")])], None)
    store.writer.replace_results(results(trace_executions=[{"trace_id": A, "execution_id": A, "rule": "trace"}]))
    (row,) = views(store, "evaluations")
    assert (row["execution_id"], row["source"], row["trusted"]) == (A, "HUMAN", False)
