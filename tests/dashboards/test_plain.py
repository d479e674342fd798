from __future__ import annotations

import re

import fake_api
import pytest
from hypothesis import given
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from whichstep_dashboards.plain import one_line, plain

SHOWN = {"text", "paragraph_open", "paragraph_close", "inline", "text_special"}


def _tokens(markdown):
    found = []
    for token in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown):
        found += [token, *(token.children or [])]
    return found


@pytest.mark.parametrize("hostile", fake_api.HOSTILE)
def test_hostile_text_is_plain_text_to_a_markdown_reader(hostile):
    tokens = _tokens(plain(hostile))
    assert {token.type for token in tokens} <= SHOWN
    text = "".join(token.content for token in tokens if token.type in {"text", "text_special"})
    assert text.replace("\u2060", "") == one_line(hostile)


@given(some.text(max_size=80))
def test_any_text_is_shown_character_by_character(text):
    tokens = _tokens(plain(text))
    assert {token.type for token in tokens} <= SHOWN
    shown = "".join(token.content for token in tokens if token.type in {"text", "text_special"})
    assert shown.replace("\u2060", "") == one_line(text).replace("\u2060", "").replace("\u00a0", "\u00a0")


# What Streamlit's reader looks for once escapes are resolved: icons, emoji, bare addresses, arrows, formulas.
LATE = (r":material/\w+:", r":[\w+-]+:", r"https?://", r"www\.\w", r"[\w.]+@\w+\.\w", r"->", r"<-", r"--")


@pytest.mark.parametrize("pattern", LATE)
@pytest.mark.parametrize("hostile", fake_api.HOSTILE)
def test_patterns_found_after_escapes_are_broken(hostile, pattern):
    resolved = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain(hostile))
    assert not re.search(pattern, resolved)


def test_long_text_is_cut_with_an_ellipsis():
    assert one_line("x" * 300, limit=10) == "x" * 9 + "…"


def test_null_is_empty():
    assert plain(None) == ""


def test_controls_and_direction_marks_are_blanks():
    assert one_line("a\u202eb\x00\nc") == "a b c"
