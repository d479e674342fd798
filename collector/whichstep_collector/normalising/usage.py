"""Token counts out of one JSON object, in any spelling of providers and SDKs. Input includes the cache."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from whichstep_collector.normalising import coerce

_INPUT: Final = ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "input")
_OUTPUT: Final = ("output_tokens", "completion_tokens", "outputTokens", "completionTokens", "output")
_CACHE_READ: Final = (
    "cache_read_input_tokens", "cached_tokens", "cache_read", "input_cache_read", "input_cached_tokens",
    "cachedInputTokens", "cache_read_tokens", "prompt_tokens_details_cached_tokens",
)  # fmt: skip
_CACHE_WRITE: Final = (
    "cache_creation_input_tokens", "cache_write_input_tokens", "cache_creation", "input_cache_creation",
    "cache_write_tokens",
)  # fmt: skip
_REASONING: Final = ("reasoning_tokens", "reasoning", "output_reasoning", "output_reasoning_tokens", "reasoningTokens")
_DETAILS: Final = (
    "prompt_tokens_details", "input_tokens_details", "input_token_details", "completion_tokens_details",
    "output_tokens_details", "output_token_details",
)  # fmt: skip
_APART: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
"""Names under which one provider reports the cache beside the input, which does not include it."""


class Usage(NamedTuple):
    """Counts of one model call; None is unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


def read_usage(value: Any, *, cache_apart: bool = True) -> Usage:
    """The counts that a JSON text or object holds; all unknown where it holds none.

    `cache_apart`: one provider's names of the cache stand beside an input that does not include it.
    """
    found = coerce.json_object(value) if isinstance(value, (str, dict)) else {}
    details = {
        name: item for key in _DETAILS if isinstance(inner := found.get(key), dict) for name, item in inner.items()
    }
    return Usage(
        _whole(_first(found, _INPUT), found, "input", cache_apart=cache_apart),
        _whole(_first(found, _OUTPUT), found, "output", cache_apart=cache_apart),
        _first({**details, **found}, _CACHE_READ),
        _first({**details, **found}, _CACHE_WRITE),
        _first({**details, **found}, _REASONING),
    )


def _whole(count: int | None, found: dict[str, Any], side: str, *, cache_apart: bool) -> int | None:
    """The count with its parts that are reported beside it: `input_cache_read` next to `input`, and one provider's."""
    if count is None:
        return None
    if side in found:
        beside = [key for key in found if key.startswith(f"{side}_") and not key.endswith(("_details", "_cost"))]
    else:
        beside = [key for key in found if cache_apart and side == "input" and key in _APART and "input_tokens" in found]
    return count + sum(coerce.count(found[key]) or 0 for key in beside)


def _first(found: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((said for name in names if (said := coerce.count(found.get(name))) is not None), None)
