"""Text of agents and users, made harmless where Streamlit reads Markdown.

Streamlit renders Markdown in nearly every label, caption, message and metric, with images, links, icons, colours,
emoji and formulas. `plain` takes all of that away; longer text belongs in `st.text` or `st.code`, which render none.
"""

from __future__ import annotations

import re
from typing import Final

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
# Icons, emoji, arrows and bare addresses are found after escapes are resolved, so a backslash cannot hold them:
# an invisible word joiner (U+2060) breaks the pattern instead.
_LATE_PATTERNS: Final = re.compile(r"(?<=[:@])|(?<=www)(?=\.)|(?<=<)(?=-)|(?<=-)(?=[->])", re.IGNORECASE)
_WORD_JOINER: Final = "\u2060"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def one_line(value: object, *, limit: int = 200) -> str:
    """The value as one line of at most `limit` characters, without control or direction-changing characters."""
    text = _CONTROLS.sub(" ", "" if value is None else str(value)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plain(value: object, *, limit: int = 200) -> str:
    """Markdown that shows the value as `one_line` gives it, character by character, and nothing else."""
    joined = _LATE_PATTERNS.sub(_WORD_JOINER, one_line(value, limit=limit))
    return _PUNCTUATION.sub(r"\\\1", joined)
