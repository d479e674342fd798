"""Dated list prices of models, and the cost of a model call. An unknown price is unknown, never 0.

`prices.csv` beside this file is the table; a file of the same columns can stand in for it. A call is priced by the row
of its model that held when the call started. A name is matched without a date or `-latest` at its end where the exact
name has no row; a provider that resells a model under other prices is not matched.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

_TABLE: Final = Path(__file__).with_name("prices.csv")
_MILLION: Final = 1_000_000
_RATES: Final = ("input", "output", "cache_read", "cache_write")
_CALL_COLUMNS: Final = (
    "provider", "model", "started_at", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
)  # fmt: skip
_DATED: Final = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|latest|\d{3})$")
_PROVIDER_FAMILIES: Final = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "gemini": "google",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "vertex_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "deepseek": "deepseek",
}


class Prices:
    """A price table that prices frames of model calls. Immutable."""

    def __init__(self, rows: pl.DataFrame) -> None:
        until = pl.col("since").shift(-1).over("provider", "model")
        self._rows = rows.sort("provider", "model", "since").with_columns(until.alias("until"))
        self._models = set(self._rows.select("provider", "model").rows())

    @classmethod
    def load(cls, path: Path = _TABLE) -> Prices:
        """Reads a price table. Raises ValueError naming the line when a cell is not a number or a date."""
        return cls(_read(path))

    def cost(self, calls: pl.DataFrame) -> pl.Series:
        """USD per call of the columns provider, model, started_at and the token counts; null where anything is unknown.

        Input tokens include cache reads and writes; a cache count that was not sent counts as none.
        """
        candidates = calls.select(_CALL_COLUMNS).with_row_index("row").join(
            self._offers(calls), on=["provider", "model"], nulls_equal=True
        )  # fmt: skip
        holds = (pl.col("since") <= pl.col("started_at")) & (pl.col("started_at") < pl.col("until")).fill_null(
            value=True
        )
        priced = candidates.filter(holds).select("row", _cost().alias("cost_usd"))
        unknown = pl.Series("cost_usd", [None], pl.Float64).new_from_index(0, calls.height)
        return unknown.scatter(priced["row"], priced["cost_usd"])

    def _offers(self, calls: pl.DataFrame) -> pl.DataFrame:
        """The price rows for each provider and model as sent. They are few, so they are looked up one by one."""
        names = calls.select("provider", "model").unique()
        found = [self._find(provider, model) for provider, model in names.iter_rows()]
        keys = names.with_columns(pl.Series("offer", found, pl.List(pl.String)))
        rows = self._rows.with_columns(pl.concat_list("provider", "model").alias("offer")).drop("provider", "model")
        return keys.join(rows, on="offer")

    def _find(self, provider: str | None, model: str | None) -> tuple[str, str] | None:
        if model is None:
            return None
        families = set(_PROVIDER_FAMILIES.values()) if provider is None else {_PROVIDER_FAMILIES.get(provider.lower())}
        name = model.lower().rsplit("/", 1)[-1]
        keys = [(family, each) for each in (name, _DATED.sub("", name)) for family in families if family]
        return next((key for key in keys if key in self._models), None)


@cache
def default_prices() -> Prices:
    """The table that ships with whichstep, read once."""
    return Prices.load()


def _cost() -> pl.Expr:
    read = pl.col("cache_read_tokens").fill_null(0)
    write = pl.col("cache_write_tokens").fill_null(0)
    fresh = (pl.col("input_tokens") - read - write).clip(lower_bound=0)
    within = pl.col("input_max").is_null() | (pl.col("input_tokens") <= pl.col("input_max"))
    total = (
        fresh * pl.col("input")
        + pl.when(read > 0).then(read * pl.col("cache_read")).otherwise(0.0)
        + pl.when(write > 0).then(write * pl.col("cache_write")).otherwise(0.0)
        + pl.when(pl.col("output") == 0).then(0.0).otherwise(pl.col("output_tokens") * pl.col("output"))
    )  # fmt: skip
    return pl.when(within).then(total / _MILLION)


def _read(path: Path) -> pl.DataFrame:
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    try:
        return pl.DataFrame(
            {
                "provider": [row["provider"] for row in rows],
                "model": [row["model"].lower() for row in rows],
                "since": pl.Series([row["since"] for row in rows]).str.to_datetime("%Y-%m-%d", time_unit="ns"),
                **{rate: [float(row[rate]) if row[rate] else None for row in rows] for rate in _RATES},
                "input_max": [int(row["input_max"]) if row["input_max"] else None for row in rows],
            },
            schema_overrides=dict.fromkeys(_RATES, pl.Float64()) | {"input_max": pl.Int64()},
        )
    except (KeyError, ValueError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"cannot read the price table {path}: {error}; compare it with {_TABLE}") from error
