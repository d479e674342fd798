"""Takes secrets out of what leaves the process. Runs on the delivery's thread, on encoded requests.

A whole request is first searched for short literals at memory speed; only where one occurs are its values looked at.
A text that is JSON is redacted inside its strings and numbers, so JSON stays JSON. Markers and the patterns file are
the sidecar's, which looks again, and for more: values under names such as `password`. Standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from whichstep.errors import ConfigurationError

MARK: Final = "[REDACTED:{}]"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of secret. Where it has literals and none of them occurs, its pattern cannot match."""

    name: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...] = ()
    replace: Callable[[re.Match[str]], str] | None = None

    def apply(self, text: str) -> str:
        """The text with every match replaced."""
        if self.literals and not any(literal in text for literal in self.literals):
            return text
        return self.pattern.sub(self.replace or (lambda _match: MARK.format(self.name)), text)


@cache
def built_in() -> Mapping[str, Kind]:
    """The kinds by name; compiled when the first batch is sent, not when the host imports us."""
    kinds = (
        Kind(
            "api_key",
            re.compile(
                r"(?<![A-Za-z0-9])(?:sk-[\w-]{16,}|[srp]k_(?:live|test)_[A-Za-z0-9]{10,}|AIza[\w-]{30,}"
                r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{22,}|glpat-[\w-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
                r"|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|ya29\.[\w-]{20,}|whsec_[\w+/=-]{16,}"
                r"|(?:gsk|xai|tvly|pplx|lsv2)[_-][\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})"
            ),
            (
                "sk-", "k_live_", "k_test_", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
                "xox", "hf_", "npm_", "pypi-", "ya29.", "whsec_", "gsk_", "xai-", "tvly-", "pplx-", "lsv2_", "SG.",
            ),
        ),
        Kind("aws_key", re.compile(r"(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"), ("AKIA", "ASIA")),
        Kind(
            "private_key",
            re.compile(
                r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
                r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
            ),
            ("PRIVATE KEY",),
        ),
        Kind("jwt", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), ("eyJ",)),
        Kind(
            "authorization",
            re.compile(r"(\b(?i:bearer)\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}"),
            ("earer", "EARER"),
            lambda match: match[1] + MARK.format("authorization"),
        ),
        Kind(
            "url_password",
            re.compile(r"://([^\s/:@\"'<>\\]*):([^\s/@\"'<>\\]+)@"),
            ("://",),
            lambda match: f"://{match[1]}:{MARK.format('url_password')}@",
        ),
        Kind("payment_card", re.compile(r"(?<![\w.])[2-6]\d(?:[ -]?\d){11,17}(?!\w|\.\d)"), (), _card),
    )  # fmt: skip
    return {kind.name: kind for kind in kinds}


def _card(match: re.Match[str]) -> str:
    digits = [int(character) for character in match[0] if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return MARK.format("payment_card") if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else match[0]


_OF_THE_SIDECAR: Final = frozenset({"aws_secret", "secret"})
"""Kinds that only the sidecar looks for; a patterns file may switch them."""
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_CARD_SHAPE: Final = rb"[2-6](?:[ -]?\d){12}"


class Redactor:
    """Replaces secrets by `[REDACTED:kind]`: of the kinds given, else of the built-in ones."""

    def __init__(self, kinds: tuple[Kind, ...] | None = None) -> None:
        self._kinds = tuple(built_in().values()) if kinds is None else kinds
        self._cards = any(kind.name == "payment_card" for kind in self._kinds)
        self._always = any(not kind.literals for kind in self._kinds if kind.name != "payment_card")
        self._literals = tuple(literal.encode() for kind in self._kinds for literal in kind.literals)

    def may_hold_secrets(self, body: bytes) -> bool:
        """False when no kind can match anywhere in an encoded request: nothing has to be looked at."""
        if self._always or any(literal in body for literal in self._literals):
            return True
        return self._cards and _may_hold_card(body)

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
            text = kind.apply(text)
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


def read_patterns(path: Path) -> tuple[Kind, ...]:
    """The kinds in force with a patterns file.

    A TOML file has `[builtin]` with a switch per name and `[[pattern]]` tables with name, regex and, if wanted,
    replacement. Any other file has one regular expression a line; `#` begins a comment.

    Raises:
        ConfigurationError: the file cannot be read, or something in it cannot be used.
    """
    import tomllib  # noqa: PLC0415  most processes have no patterns file

    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read the patterns file {path}: {error}") from error
    if document is not None:
        return (*_switched(path, document.get("builtin", {})), *_tables(path, document.get("pattern", [])))
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    own = [_own(path, f"line {number}", line) for number, line in lines if line and not line.startswith("#")]
    return (*built_in().values(), *own)


def _switched(path: Path, switches: Any) -> tuple[Kind, ...]:
    email = Kind("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), ("@",))
    known = {**built_in(), "email": email}
    if not isinstance(switches, dict) or (unknown := switches.keys() - known.keys() - _OF_THE_SIDECAR):
        raise ConfigurationError(
            f"{path}: [builtin] has a true or false for names of {', '.join(known)}, not {unknown}"
        )
    return tuple(kind for name, kind in known.items() if switches.get(name, name != "email"))


def _tables(path: Path, tables: Any) -> list[Kind]:
    try:
        return [_own(path, table["name"], table["regex"], table.get("replacement"), table["name"]) for table in tables]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path}: each [[pattern]] needs name and regex ({error!r})") from error


def _own(path: Path, where: str, regex: str, replacement: str | None = None, name: str = "pattern") -> Kind:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigurationError(f"{path}, {where}: {error}; mend or remove the pattern") from error
    return Kind(name, pattern, (), None if replacement is None else lambda _match: replacement)
