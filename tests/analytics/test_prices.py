"""What a model call costs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from whichstep_analytics.prices import Prices, default_prices


def day(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - naive UTC, as in every frame


def cost(**columns: object) -> float | None:
    row = {
        "provider": "openai", "model": "gpt-4o-mini", "started_at": day(2026, 3, 1), "input_tokens": 1_000_000,
        "output_tokens": 0, "cache_read_tokens": None, "cache_write_tokens": None, **columns,
    }  # fmt: skip
    calls = pl.DataFrame([row], schema_overrides={"provider": pl.String, "model": pl.String, "input_tokens": pl.Int64,
                         "output_tokens": pl.Int64, "cache_read_tokens": pl.Int64, "cache_write_tokens": pl.Int64})  # fmt: skip
    return default_prices().cost(calls.with_columns(pl.col("started_at").cast(pl.Datetime("ns"))))[0]


def test_input_and_output_have_their_own_price() -> None:
    assert cost() == pytest.approx(0.15)
    assert cost(input_tokens=0, output_tokens=1_000_000) == pytest.approx(0.60)


def test_cached_input_is_part_of_the_input_at_its_own_price() -> None:
    assert cost(cache_read_tokens=1_000_000) == pytest.approx(0.075)
    assert cost(provider="anthropic", model="claude-haiku-4-5", cache_write_tokens=1_000_000) == pytest.approx(1.25)


def test_a_cache_price_that_nobody_published_leaves_the_cost_unknown() -> None:
    assert cost(model="gpt-4-turbo") == pytest.approx(10)
    assert cost(model="gpt-4-turbo", cache_read_tokens=5) is None


@pytest.mark.parametrize("model", ["gpt-4o-mini-2024-07-18", "GPT-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini-latest"])
def test_dated_and_prefixed_names_are_the_same_model(model: str) -> None:
    assert cost(model=model) == pytest.approx(0.15)


def test_a_model_without_its_provider_is_known_by_name() -> None:
    assert cost(provider=None) == pytest.approx(0.15)


def test_the_price_of_the_day_of_the_call_counts() -> None:
    assert cost(model="gpt-4o", started_at=day(2024, 7, 1)) == pytest.approx(5)
    assert cost(model="gpt-4o", started_at=day(2024, 12, 1)) == pytest.approx(2.5)
    assert cost(model="gpt-4o", started_at=day(2023, 1, 1)) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"model": "my-own-model"},
        {"model": None},
        {"provider": "azure.ai.openai"},
        {"input_tokens": None},
        {"output_tokens": None},
        {"provider": "gcp.gemini", "model": "gemini-2.5-pro", "input_tokens": 300_000},
    ],
    ids=str,
)
def test_what_is_unknown_is_never_zero(columns: dict[str, object]) -> None:
    assert cost(**columns) is None


def test_a_price_table_of_ones_own_is_read_and_a_bad_one_is_named(tmp_path: Path) -> None:
    table = tmp_path / "prices.csv"
    header = "provider,model,since,input,output,cache_read,cache_write,input_max,source\n"
    table.write_text("# mine\n" + header + "openai,house-model,2026-01-01,1,2,,,,contract\n", encoding="utf-8")
    calls = pl.DataFrame({
        "provider": ["openai"], "model": ["house-model"], "started_at": [day(2026, 2, 1)], "input_tokens": [10],
        "output_tokens": [10], "cache_read_tokens": [0], "cache_write_tokens": [0],
    }).with_columns(pl.col("started_at").cast(pl.Datetime("ns")))  # fmt: skip
    assert Prices.load(table).cost(calls)[0] == pytest.approx(30e-6)
    table.write_text(header + "openai,house-model,2026-01-01,cheap,2,,,,\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"prices\.csv"):
        Prices.load(table)
