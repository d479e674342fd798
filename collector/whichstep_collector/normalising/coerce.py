"""Attribute values to column values. Every function takes anything and gives None for what it cannot use."""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

_EMPTY: Final = frozenset({"", "[]", "{}", '"{}"', "null", "N/A", "__REDACTED__", "<REDACTED>", "[REDACTED]"})
_SCRUBBED: Final = "[Scrubbed due to "
"""How what Logfire writes in place of a value begins: as an id, it would be everybody's."""
HIDDEN: Final = frozenset({"__REDACTED__", "<REDACTED>", "[REDACTED]"})
"""What instrumentations write where content capture is off."""
_NAME_LENGTH_MAX: Final = 512
_COUNT_MAX: Final = 2**53
_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "az.ai.openai": "azure.ai.openai",
    "vertex_ai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "x_ai": "xai",
    "mistralai": "mistral_ai",
    "bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "watsonx": "ibm.watsonx.ai",
    "ibm.watson.ai": "ibm.watsonx.ai",
}
_FRAMEWORKS: Final = frozenset({
    "strands-agents", "langchain", "langgraph", "autogen", "crewai", "microsoft.agent_framework", "gcp.vertex.agent",
    "openai_agents", "openailike", "openai_like", "agno",
})  # fmt: skip


def meaningful(value: Any) -> bool:
    """Whether a value says anything: not empty, not a marker of hidden content."""
    if isinstance(value, str):
        return value not in _EMPTY
    return value is not None and value not in ((), {})


def text(value: Any) -> str | None:
    """A name or id: text of at most 512 characters; numbers as text."""
    if type(value) is str:
        return None if value in _EMPTY or value.startswith(_SCRUBBED) else value[:_NAME_LENGTH_MAX]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def line(value: Any) -> str | None:
    """One line of text, at most 1 KiB."""
    said = value if isinstance(value, str) else None
    return " ".join(said.split())[:1024] if said and said not in _EMPTY else None


def call_id(value: Any) -> str | None:
    """A tool call's id; `unknown` is what one framework writes for none."""
    found = text(value)
    return None if found == "unknown" else found


def texts(value: Any) -> list[str] | None:
    """A list of texts, from a list, a JSON list or comma-joined text; at most 64."""
    if isinstance(value, str):
        value = _json_list(value) or value.split(",")
    if not isinstance(value, (list, tuple)):
        return None
    found = [item[:_NAME_LENGTH_MAX].strip() for item in value if isinstance(item, str) and item.strip()]
    return found[:64] or None


def first_text(value: Any) -> str | None:
    """The first of a list, a JSON list or a comma-joined text."""
    found = texts(value)
    return found[0] if found else None


def json_text(value: Any) -> str | None:
    """JSON of a value that is JSON text already, or an object."""
    if isinstance(value, str):
        return value if meaningful(value) else None
    return orjson.dumps(value, default=repr).decode() if isinstance(value, (dict, tuple)) and value else None


def count(value: Any) -> int | None:
    """A number of tokens: whole, not negative; from text or a float where senders write it so. A bool is no count."""
    if type(value) is int:
        return value if 0 <= value < _COUNT_MAX else None
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and value.is_integer() and 0 <= value < _COUNT_MAX:
        return int(value)
    return None


def small_count(value: Any) -> int | None:
    """A count that fits 32 bits."""
    found = count(value)
    return found if found is not None and found < 2**31 else None


def level(value: Any) -> int | None:
    """An autonomy level, 1 to 4."""
    found = count(value)
    return found if found is not None and 1 <= found <= 4 else None


def flag(value: Any) -> bool | None:
    """True or false, also as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def amount(value: Any) -> float | None:
    """Money: finite, not negative."""
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


def score(value: Any) -> float | None:
    """A finite number of any sign."""
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def seconds_as_ms(value: Any) -> float | None:
    """Seconds to milliseconds."""
    seconds = amount(value)
    return None if seconds is None else seconds * 1000


def provider(value: Any) -> str | None:
    """A provider of models, aliases folded; a framework is none."""
    found = text(value)
    if found is None or found in _FRAMEWORKS:
        return None
    return _PROVIDERS.get(found, found)


def _number(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _json_list(said: str) -> list[Any] | None:
    if not said.startswith("["):
        return None
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, list) else None


def json_object(value: Any) -> dict[str, Any]:
    """The object that a value or JSON text is, else an empty one."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
