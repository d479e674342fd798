"""What really ran: one id for the prompts, tools, models, parameters, policy and contract of an execution."""

from __future__ import annotations

import hashlib

import polars as pl


def of_spans(placed: pl.DataFrame) -> pl.DataFrame:
    """execution_id and configuration_id: the digest of its one configuration, or of the set of them."""
    used = placed.select("execution_id", "configuration_digest").drop_nulls()
    digests = pl.col("configuration_digest").unique().sort().str.join(",")
    sets = used.group_by("execution_id").agg(digests.alias("configuration_id"))
    distinct = sets["configuration_id"].unique()
    return sets.with_columns(pl.col("configuration_id").replace_strict(distinct, _ids(distinct)))


def _ids(sets: pl.Series) -> pl.Series:
    """Distinct sets are few, so hashing them one by one is cheap."""
    return pl.Series([_id(text) for text in sets.to_list()], dtype=pl.String)


def _id(digests: str) -> str:
    """A set of one is its own digest."""
    return hashlib.blake2b(digests.encode(), digest_size=16).hexdigest() if "," in digests else digests
