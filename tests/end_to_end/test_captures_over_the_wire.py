"""Every recorded run of LangGraph and AutoGen, sent to a real sidecar over HTTP and gRPC, against what truly happened."""

from __future__ import annotations

import itertools
import time
import urllib.request
from pathlib import Path

import grpc
import polars as pl
import pytest

import captures
from sidecar_process import sidecar_process

SETUPS = ("langgraph__", "autogen__")
RECORDED = [path for path in captures.all_captures() if path.parent.name.startswith(SETUPS)]
EXPORT = "/opentelemetry.proto.collector.{0}.v1.{1}Service/Export"

pytestmark = [
    pytest.mark.skipif(not RECORDED, reason="no recorded captures here"),
    pytest.mark.xdist_group("captures"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        with grpc.insecure_channel(running.grpc.removeprefix("http://")) as channel:
            for body, transport in zip(itertools.chain.from_iterable(map(_files, RECORDED)), itertools.cycle("hg")):
                _send(running, channel, body, over_grpc=transport == "g")
        _await_results(running)
        yield running


def _files(capture: Path) -> list[Path]:
    return [path for path in sorted(capture.iterdir()) if path.name.endswith((".traces.pb", ".logs.pb"))]


def _send(running, channel, path: Path, *, over_grpc: bool) -> None:
    signal = path.name.split(".")[1]
    if over_grpc:
        method = EXPORT.format({"traces": "trace"}.get(signal, signal), {"traces": "Trace"}.get(signal, signal.title()))
        assert channel.unary_unary(method)(path.read_bytes(), timeout=30) == b""
        return
    request = urllib.request.Request(f"{running.http}/v1/{signal}", path.read_bytes())
    request.add_header("content-type", "application/x-protobuf")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.read() == b""


def _await_results(running) -> None:
    """Returns once every span that was sent is in, and the results have not changed for longer than the jobs wait."""
    batches = [batch.spans for capture in RECORDED for batch in captures.batches(capture)]
    spans = sum(not told.as_py() for batch in batches for told in batch.column("synthetic"))
    running.wait_for(lambda: running.sql("select count(*) from spans").item() >= spans, seconds=60)
    before = None
    while (now := running.sql("select count(*), sum(step_count) from executions").row(0)) != before:
        before = now
        time.sleep(6)


def _frames(running, capture: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The public views' rows of the executions that the capture's traces belong to."""
    quoted = ", ".join(f"'{trace_id}'" for trace_id in captures.trace_ids(capture))
    ids = f"select execution_id from trace_executions where trace_id in ({quoted})"
    executions = running.sql(f"select * from executions where execution_id in ({ids})")
    return executions, running.sql(f"select * from steps where execution_id in ({ids}) order by position")


@pytest.mark.parametrize("capture", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_the_public_views_say_is_what_happened(sidecar, capture):
    executions, steps = _frames(sidecar, capture)
    verdicts = captures.judge_frames(captures.Truth.read(capture), executions, steps)
    unknowable = captures.not_on_the_wire(capture)
    assert {fact: said for fact, said in verdicts.items() if said != "ok" and fact not in unknowable} == {}
    assert not [said for said in verdicts.values() if said.startswith("wrong")]
