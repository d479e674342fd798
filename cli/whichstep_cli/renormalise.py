"""Makes the history of a folder again, as the normaliser of this build understands it.

Reads every stored span back, normalises it, and loads it into a new store beside the old one; computes the results
there; then the new store takes the old one's place in one step (`whichstep_store.renewal`). The ledger stays. An
interruption leaves the old store or the new, never a mix. Needs room for a second copy meanwhile.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from rich.progress import Progress

from whichstep_cli import output
from whichstep_cli.errors import UnreachableError
from whichstep_cli.sidecar import job_runner, open_store, settings_without_doors
from whichstep_collector.loader import START
from whichstep_collector.renormalise import renormalise_logs, renormalise_spans
from whichstep_store import ledger, renewal
from whichstep_store.batches import Batch, JournalPosition
from whichstep_store.store import Store
from whichstep_store.stored import Stored

_FOREVER_DAYS: Final = 36_500
_NO_BOUND: Final = 1 << 62
Counts = Counter[str]


def renormalise_folder(data_dir: Path) -> dict[str, int]:
    """Renew a folder that nobody owns; everything in its journal must have been loaded and sealed.

    Returns executions, spans and log_records read anew, spans kept as they were, segments missing.

    Raises:
        UnreachableError: another process owns it, it cannot be opened, or there is no room.
    """
    with open_store(data_dir) as old:
        _require_room(old)
        counts = _missing(old)
        partial = renewal.begin(data_dir)
        old.ledger.copy_to(partial / ledger.FILE_NAME)  # its evaluations count in the results
        with Store.open(partial, retention_days=_FOREVER_DAYS, size_bytes_max=_NO_BOUND) as new:
            _fill(old, new, counts)
            with output.countdown("computing results") as left:
                job_runner(new, settings_without_doors(data_dir)).drain(left=left)
            new.checkpoint()
        renewal.commit(data_dir)
    with open_store(data_dir) as renewed:
        executions = count_executions(renewed)
    return {name: counts[name] for name in ("spans", "log_records", "kept", "missing")} | {"executions": executions}


def count_executions(store: Store) -> int:
    """How many executions a store knows."""
    found = store.reader.sql("select count(*) as executions from executions").to_pylist()
    return int(found[0]["executions"])


def _fill(old: Store, new: Store, counts: Counts) -> None:
    position = old.reader.sealed_position() or START
    day = None
    rows = sum(segment.rows for segment in old.segments.listed() if segment.kind != "content")
    with output.progress("reading anew", rows) as bar:
        for piece in old.reader.stored():
            # Retention drops whole days of arrival: what arrived on different days is never sealed together.
            new.writer.seal(force=day not in (None, piece.received_day))
            day = piece.received_day
            _load(new, piece, position, counts)
            _advance(bar, piece)
        new.writer.seal(force=True)


def _load(new: Store, piece: Stored, position: JournalPosition, counts: Counts) -> None:
    found = renormalise_spans(piece.spans, piece.texts)
    batches: list[Batch] = [*found.batches, *renormalise_logs(piece.logs)]
    new.writer.load(batches, position)
    counts.update(spans=found.spans, kept=found.kept, log_records=piece.logs.num_rows)


def _advance(bar: Progress, piece: Stored) -> None:
    bar.advance(bar.task_ids[0], piece.spans.num_rows + piece.logs.num_rows)


def _missing(store: Store) -> Counts:
    gone = [item for item in store.segments.listed() if not store.segments.file(item.segment_id).exists()]
    return Counter(missing=len(gone))


def _require_room(store: Store) -> None:
    """The new segments are about as large as the old; the database is a fraction of them."""
    needed = 2 * sum(segment.bytes for segment in store.segments.listed())
    free = shutil.disk_usage(store.data_dir).free
    if free < needed:
        raise UnreachableError(
            f"cannot renew {store.data_dir}: {needed >> 20:,} MiB are needed beside it and {free >> 20:,} are free;"
            " make room and try again"
        )
