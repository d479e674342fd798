"""Signatures that say the same in other words: `customer Bob not found` and `customer Ada not found` are one failure.

Mined with Drain among the signatures of one workflow, step and kind, in the order in which each was first seen; so the
result depends on what failed when, not on the order in which it was sent. A signature that comes later joins a cluster
or opens one: it never moves an older one. A cluster is named after its first member, so its name stays while its
template grows more general. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from whichstep_analytics.failure.signature import SEPARATOR

SIMILARITY_MIN: Final = 0.7
"""Share of equal words. Drain's own 0.4 is meant for whole logs: at one step it joins `order not found` and `no order
found`; at 0.7 one word in four may differ."""
TEMPLATE_SCHEMA: Final = pl.Schema({"failure_signature": pl.String(), "cluster": pl.String(), "template": pl.String()})
_PLACE: Final = ["workflow", "failing_step_path", "failure_kind"]


def mine(signatures: pl.DataFrame) -> pl.DataFrame:
    """TEMPLATE_SCHEMA, one row per signature, sorted.

    `cluster` is the member that was seen first, `template` the words that all members share, `<*>` for the others.

    Args:
        signatures: failure_signature, workflow, failing_step_path, failure_kind, first_seen; of each signature the row
            that was seen first counts.
    """
    once = signatures.sort("first_seen", "failure_signature").unique(
        "failure_signature", keep="first", maintain_order=True
    )
    rows = [row for place in once.partition_by(_PLACE, maintain_order=True) for row in _clusters(place)]
    return pl.DataFrame(rows, schema=TEMPLATE_SCHEMA, orient="row").sort("failure_signature")


def _clusters(place: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Rows of TEMPLATE_SCHEMA of one place. What all its signatures begin with is no word that they share."""
    from drain3.drain import Drain  # noqa: PLC0415  only where something fails

    texts = place["failure_signature"].to_list()
    head = _head(*(place[name][0] for name in _PLACE), text=texts[0])
    miner = Drain(sim_th=SIMILARITY_MIN, parametrize_numeric_tokens=False)
    found = [miner.add_log_message(text.removeprefix(head))[0] for text in texts]
    first = {cluster.cluster_id: text for cluster, text in reversed(list(zip(found, texts, strict=True)))}
    for cluster, text in zip(found, texts, strict=True):
        yield text, first[cluster.cluster_id], head + cluster.get_template()


def _head(workflow: str | None, path: str | None, kind: str | None, *, text: str) -> str:
    """What stands before the message."""
    known = [part for part in (path, kind) if part is not None]
    short = "".join(part + SEPARATOR for part in known)
    long = f"{workflow}{SEPARATOR}{short}"
    return long if text.startswith(long) else short
