"""Which failures say the same in other words."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics.failure import templates
from whichstep_analytics.failure.signature import of_workflow, signature

MONDAY = datetime.fromisoformat("2026-11-16T09:00")
SCHEMA = {
    "failure_signature": pl.String,
    "workflow": pl.String,
    "failing_step_path": pl.String,
    "failure_kind": pl.String,
    "first_seen": pl.Datetime("ns"),
}


def seen(*messages: str, path: str | None = "desk/find", kind: str = "tool_error", workflow: str | None = None):
    """Signatures in the order in which they were first seen, one a minute."""
    rows = [
        (
            " · ".join(part for part in (workflow, path, kind, message) if part),
            workflow, path, kind, MONDAY + timedelta(minutes=number),
        )
        for number, message in enumerate(messages)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def clusters(signatures: pl.DataFrame) -> dict[str, str]:
    return dict(templates.mine(signatures).select("failure_signature", "cluster").rows())


def test_messages_that_differ_in_one_word_are_one_failure_named_after_the_first():
    mined = templates.mine(seen("customer Bob not found", "customer Ada not found", "no such customer"))
    first = "desk/find · tool_error · customer Bob not found"
    assert mined.rows() == [
        ("desk/find · tool_error · customer Ada not found", first, "desk/find · tool_error · customer <*> not found"),
        (first, first, "desk/find · tool_error · customer <*> not found"),
        *[("desk/find · tool_error · no such customer",) * 3],
    ]


def test_the_same_words_at_another_step_kind_or_workflow_are_another_failure():
    message = "customer Bob not found"
    found = clusters(
        pl.concat(
            [
                seen(message),
                seen(message, path="desk/pay"),
                seen(message, kind="tool_timeout"),
                seen(message, workflow="returns"),
                seen(message, path=None),
            ]
        )
    )
    assert len(set(found.values())) == 5


def test_short_messages_that_only_share_their_place_stay_apart():
    assert len(set(clusters(seen("order missing", "card refused", "limit reached")).values())) == 3


WORDS = st.lists(st.sampled_from(["order", "customer", "Bob", "Ada", "not", "found", "refused"]), max_size=5)


@given(st.lists(WORDS.map(" ".join), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(messages: list[str], chance: random.Random):
    signatures = seen(*messages)
    order = list(range(signatures.height))
    chance.shuffle(order)
    assert templates.mine(signatures[order]).equals(templates.mine(signatures))


@given(st.lists(WORDS.map(" ".join), max_size=12), st.integers(0, 12))
def test_what_fails_later_moves_no_older_signature_to_another_cluster(messages: list[str], cut: int):
    before, after = clusters(seen(*messages[:cut])), clusters(seen(*messages))
    assert {name: after[name] for name in before} == before


def test_nothing_failed_gives_no_templates():
    assert templates.mine(seen()).is_empty()


def masked(message: str) -> str:
    row = pl.DataFrame(
        {"path": [None], "kind": [None], "message": [message]}, schema_overrides={"path": pl.String, "kind": pl.String}
    )
    return str(row.select(signature(pl.col("path"), pl.col("kind"), pl.col("message")).alias("s"))["s"][0])


def test_addresses_paths_dates_ids_and_quoted_values_are_masked():
    assert masked("GET https://shop.example/orders/17?x=1 failed") == "GET <url> failed"
    assert masked("no mail to ann.b@shop.example today") == "no mail to <address> today"
    assert masked("cannot open /var/lib/desk/17.json") == "cannot open <path>"
    assert masked("expired on 2026-11-16T09:00:00Z and 2026-11-17") == "expired on <date> and <date>"
    assert masked("job 3f2b8c11-0000-4000-8000-1234567890ab took 1,204.5 s") == "job # took # s"
    assert masked("key 'A-17' and/or support/refund") == "key '…' and/or support/refund"


def test_the_workflow_stands_in_front_unless_the_path_begins_with_it():
    rows = pl.DataFrame(
        {
            "workflow": ["returns", "desk", None, "returns"],
            "path": ["desk/find", "desk/find", "desk/find", None],
            "signature": ["desk/find · loop", "desk/find · loop", "desk/find · loop", None],
        }
    )
    found = rows.select(of_workflow(pl.col("workflow"), pl.col("path"), pl.col("signature")))
    assert found.to_series().to_list() == ["returns · desk/find · loop", "desk/find · loop", "desk/find · loop", None]
