"""Tokens and cost of a Langfuse generation: its usage is split into kinds that may or may not hold each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.steps import Attributes
from whichstep_cli.imports.values import count, first, mapping, number

_READ: Final = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cached")
_WRITTEN: Final = ("cache_creation_input_tokens", "input_cache_creation", "input_cache_write")
_THOUGHT: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
_INTO: Final = ("input", "prompt", "cache")


def usage(value: Mapping[str, Any]) -> Attributes:
    """Tokens in OpenTelemetry's sense: input with what was read from the cache or written to it."""
    details = mapping(first(value, "usageDetails", "usage_details")) or mapping(value.get("usage"))
    counts = {key: found for key, item in details.items() if (found := count(item)) is not None}
    plain = (
        _first(counts, ("input", "promptTokens", "prompt_tokens")),
        _first(counts, ("output", "completionTokens", "completion_tokens")),
    )
    if not counts:
        plain = (
            count(first(value, "promptTokens", "inputUsage")),
            count(first(value, "completionTokens", "outputUsage")),
        )
    return {
        names.INPUT_TOKENS: _inclusive(counts, plain[0], _INTO, plain[1]),
        names.OUTPUT_TOKENS: _inclusive(counts, plain[1], ("output", "completion"), plain[0]),
        names.CACHE_READ_TOKENS: _first(counts, _READ),
        names.CACHE_WRITE_TOKENS: _first(counts, _WRITTEN),
        names.REASONING_TOKENS: _first(counts, _THOUGHT),
    }


def cost(value: Mapping[str, Any]) -> float | None:
    """The cost in dollars, as it was told or worked out there. A cost of 0 without a price is unknown."""
    details = mapping(first(value, "costDetails", "cost_details"))
    said = details.get("total", first(value, "calculatedTotalCost", "totalCost", "total_cost", "totalPrice"))
    found = number(said)
    return found if found or details else None


def _inclusive(counts: Mapping[str, int], plain: int | None, starts: tuple[str, ...], other: int | None) -> int | None:
    """The whole of one side. The kinds are parts of the plain count where the total is that of the two plain ones."""
    if plain is None or "total" not in counts or counts["total"] == plain + (other or 0):
        return plain
    whole = sum(found for key, found in counts.items() if key.startswith(starts))
    return whole if sum(found for key, found in counts.items() if key != "total") == counts["total"] else plain


def _first(counts: Mapping[str, int], keys: tuple[str, ...]) -> int | None:
    return next((counts[key] for key in keys if key in counts), None)
