"""What the composition root hands on: a setting that reaches nobody is a promise broken."""

from __future__ import annotations

import time

from store_builders import DAY, batch, content, span
from whichstep_cli.sidecar import running_sidecar, settings_without_doors
from whichstep_store.store import Store


def test_a_running_sidecar_drops_days_older_than_its_retention_setting(tmp_path, monkeypatch):
    received = time.time_ns() - 10 * DAY
    with Store.open(tmp_path, clock=lambda: received) as store:
        store.writer.load(
            [batch([span(1, 1, started_at=received, received_at=received)], [content(1, "old" * 99)])], None
        )
        store.writer.seal(force=True)
    monkeypatch.setenv("WHICHSTEP_RETENTION_DAYS", "5")
    with running_sidecar(settings_without_doors(tmp_path)) as running:
        deadline = time.monotonic() + 20
        while list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not list(tmp_path.rglob("*.parquet"))
        assert running.store.reader.sql("select count(*) as n from spans")["n"].to_pylist() == [0]
