"""Takes secrets out of what leaves the process. Runs on the delivery's thread, on encoded requests.

A whole request is first searched for short literals at memory speed; only where one occurs are its values looked at.
A text that is JSON is redacted inside its strings and numbers, so JSON stays JSON. Standard library only.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from whichstep.errors import ConfigurationError

MARK: Final = "[redacted:{kind}]"
logger = logging.getLogger("whichstep")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of secret: where none of its literals occurs, its pattern cannot match."""

    name: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: Callable[[re.Match[str]], str] | None = None


def _card(match: re.Match[str]) -> str:
    digits = [int(character) for character in match.group() if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    issued = 2 <= digits[0] <= 6  # how cards begin; timestamps (17…) do not
    luhn = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
    return MARK.format(kind="card") if issued and luhn else match.group()


def _url(match: re.Match[str]) -> str:
    return f"://{match.group(1)}:{MARK.format(kind='password')}@"


@cache
def kinds() -> tuple[Kind, ...]:
    """The default kinds; compiled when the first batch is sent, not when the host imports us."""
    return (
        Kind(
            "api_key",
            ("sk-", "k_live_", "k_test_", "AKIA", "ASIA", "AIza", "gh", "glpat-", "xox", "hf_", "SG.", "npm_", "pypi-"),
            re.compile(
                r"\b(?:sk-[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|A[KS]IA[A-Z0-9]{16}\b|AIza[\w-]{35}"
                r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{40,}|glpat-[\w-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
                r"|hf_[A-Za-z0-9]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,})"
            ),
        ),
        Kind("jwt", ("eyJ",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
        Kind(
            "bearer",
            ("earer", "EARER"),
            re.compile(r"\b(?i:bearer)\s+(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}"),
        ),
        Kind(
            "private_key",
            ("PRIVATE KEY",),
            re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        ),
        Kind("password", ("://",), re.compile(r"://([^\s/:@\"'<>\\]*):([^\s/@\"'<>\\]+)@"), _url),
        Kind("card", (), re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.]*\d)"), _card),
    )


_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_CARD_SHAPE: Final = rb"[2-6](?:[ -]?\d){12}"


class Redactor:
    """Replaces secrets by `[redacted:kind]`. The default kinds, and patterns of the user."""

    def __init__(self, patterns: Iterable[re.Pattern[str]] = ()) -> None:
        own = tuple(Kind("pattern", (), pattern) for pattern in patterns)
        self._kinds = kinds() + own
        self._always = bool(own)
        self._literals = tuple(literal.encode() for kind in kinds() for literal in kind.literals)

    def may_hold_secrets(self, body: bytes) -> bool:
        """False when no kind can match anywhere in an encoded request: nothing has to be looked at."""
        return self._always or any(literal in body for literal in self._literals) or _may_hold_card(body)

    def text(self, text: str) -> str:
        """The text without its secrets; the same object when it has none."""
        redacted = self._plain(text)
        if redacted is text or redacted == text or text[:1] not in ("{", "["):
            return redacted
        try:
            return json.dumps(self._leaves(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return redacted

    def number(self, number: int) -> str | None:
        """The mark when a number is a payment card's, else None."""
        if not 10**12 <= number < 10**19:
            return None
        text = str(number)
        redacted = self._plain(text)
        return None if redacted == text else redacted

    def _plain(self, text: str) -> str:
        for kind in self._kinds:
            if not kind.literals or any(literal in text for literal in kind.literals):
                text = kind.pattern.sub(kind.replace or MARK.format(kind=kind.name), text)
        return text

    def _leaves(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._plain(key): self._leaves(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._leaves(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return self.number(value) or value
        return value


def _may_hold_card(body: bytes) -> bool:
    """Whether 13 digits follow each other, spaces and dashes aside."""
    # The translation costs a tenth of the regular expression, which most batches then never meet.
    return b"0" * 13 in body.translate(_DIGITS, b" -") and re.search(_CARD_SHAPE, body) is not None


def read_patterns(path: Path) -> list[re.Pattern[str]]:
    """The regular expressions of a patterns file: one a line, empty lines and lines that begin with # left out.

    Raises:
        ConfigurationError: the file cannot be read, or a line is no regular expression.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the patterns file {path}: {error}") from error
    patterns = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                patterns.append(re.compile(line.strip()))
            except re.error as error:
                raise ConfigurationError(f"{path}, line {number}: {error}; mend or remove the pattern") from error
    return patterns
