"""Patterns of names in contracts: `*` stands for any characters, `?` for one, `[ab]` for one of these."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache


def is_pattern(text: str) -> bool:
    """Whether it stands for more than one name."""
    return any(sign in text for sign in "*?[")


def matches(name: str, pattern: str) -> bool:
    """Whether the pattern fits the whole name; capitals matter, and a name always fits itself."""
    return name == pattern or (is_pattern(pattern) and _compiled(pattern).match(name) is not None)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
