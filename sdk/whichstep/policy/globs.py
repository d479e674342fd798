"""Patterns of names: `*` stands for any characters, `?` for one, `[ab]` for one of these; capitals matter."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Final

_WILD: Final = frozenset("*?[")


class Glob:
    """One pattern, compiled once. Two are equal where their texts are."""

    __slots__ = ("_match", "is_exact", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError where the pattern is empty, or has a bracket that is not closed."""
        if not text or text != text.strip():
            raise ValueError(f"{text!r} is no name or pattern: it is empty, or has blanks around it")
        if "[" in text and "]" not in text[text.rindex("[") + 2 :]:
            raise ValueError(f"{text!r} is no pattern: a [ is not closed")
        self.text = text
        self.is_exact = _WILD.isdisjoint(text)
        self._match = re.compile(translate(text)).match

    def matches(self, name: str) -> bool:
        """Whether the pattern fits the whole name."""
        return name == self.text if self.is_exact else self._match(name) is not None

    def covers(self, other: Glob) -> bool:
        """Whether every name that fits the other surely fits this one. False says that it is not known."""
        if self.text in {"*", other.text}:
            return True
        if other.is_exact:
            return self.matches(other.text)
        # With * alone as wildcard, the other's own wildcards are characters that only a * can have taken.
        return _WILD.isdisjoint(self.text.replace("*", "")) and not self.is_exact and self.matches(other.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Glob) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Glob({self.text!r})"
