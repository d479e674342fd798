"""What counts as a secret: the built-in patterns, and those of a patterns file.

Each pattern has a cheap `sign` for the vectorised search (RE2 syntax: no look-around) that matches wherever the exact
pattern can, and the exact `regex` with the replacement. Signs may match too much, never too little. All signs are
searched as one automaton, in one pass: short ones keep it small.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


class PatternsError(ValueError):
    """A patterns file that cannot be used: which file, which pattern, what to do."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret. `replace` makes the replacement of a match; by default the marker."""

    name: str
    sign: str | None
    regex: re.Pattern[str]
    replace: Callable[[re.Match[str]], str] | None = None

    def apply(self, text: str) -> str:
        """The text with every match replaced."""
        return self.regex.sub(self.replace or self._mark, text)

    def _mark(self, _match: re.Match[str]) -> str:
        return marker(self.name)


def marker(name: str) -> str:
    """What stands in place of a secret."""
    return f"[REDACTED:{name}]"


def _after_first_group(name: str) -> Callable[[re.Match[str]], str]:
    """Keeps group 1, which says what it was, and replaces the rest."""
    return lambda found: found[1] + marker(name)


def _url(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}:{marker('url_password')}@"


def _card(found: re.Match[str]) -> str:
    digits = re.sub("[ -]", "", found[0])
    return marker("payment_card") if is_payment_card(digits) else found[0]


def is_payment_card(digits: str) -> bool:
    """Whether digits have an issuer's prefix and length and pass the Luhn check."""
    if not _ISSUED.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_ISSUED: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}(?:\d{3})?|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
_SECRET_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key"  # noqa: S105  (names, no secret)
    r"|signing[_-]?key|encryption[_-]?key|(?:access|auth|refresh|id|bearer|api|session|security)[_-]?token|authorization"
    r"|credentials?|connection[_-]?string"
)
SECRET_KEY: Final = re.compile(rf"(?i)(?:{_SECRET_NAMES}|^token|(?:^|[._-])(?:set-)?cookie)$")
"""A name whose value is a secret, whatever it looks like. Not `tokens`: those are counts."""
_ASSIGNMENT_VALUE: Final = r"""(?:"[^"\n]{3,}"|'[^'\n]{3,}'|[^\s"',;&<>{}()\[\]]{3,})"""

BUILT_IN: Final = (
    Pattern(
        "api_key",
        r"(?:sk|gsk|xai|tvly|pplx|lsv2|key|hf|npm|glpat|pypi)[_-][A-Za-z0-9_-]{12}|[srp]k_(?:live|test)_|whsec_"
        r"|gh[pousr]_[A-Za-z0-9]|github_pat_|xox[abeoprs]-|AIza|ya29\.|SG\.[\w-]{12}|hooks\.slack",
        re.compile(
            r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|[srp]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}"
            r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{22,}|glpat-[\w-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
            r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}"
            r"|SG\.[\w-]{16,}\.[\w-]{16,}|(?:gsk|xai|tvly|pplx|lsv2)[_-][\w-]{20,}|key-[0-9a-f]{32})"
            r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}"
        ),
    ),
    Pattern(
        "aws_key",
        r"A(?:KIA|SIA|GPA|IDA|ROA)[A-Z0-9]{4}",
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    Pattern(
        "aws_secret",
        r"(?i:aws)",
        re.compile(r"((?i:aws)[^\n]{0,60}?[\"'=:\s])(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
        _after_first_group("aws_secret"),
    ),
    Pattern(
        "private_key",
        r"PRIVATE KEY",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
            r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
    ),
    Pattern("jwt", r"eyJ[\w-]{8}", re.compile(r"(?<![A-Za-z0-9_-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),
    Pattern(
        "authorization",
        r"(?i:bearer|basic|token)\s",
        re.compile(
            r"((?i:\bbearer|\btoken)\s+)(?:(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}|[\w.~+/=-]{24,})"
            r"|((?i:\bbasic)\s+)(?=[A-Za-z0-9+/]*[A-Z0-9+/])[A-Za-z0-9+/]{8,}={0,2}(?![\w+/=-])"
        ),
        lambda found: (found[1] or found[2]) + marker("authorization"),
    ),
    Pattern(
        "url_password",
        r":\\?/\\?/[^\s/@]*:",
        re.compile(r"(:\\?/\\?/)([^\s/:@\"'<>\\]*):([^\s/@\"'<>\\]+)@"),
        _url,
    ),
    Pattern(
        "secret",
        r"(?i:pass|pwd|secret|key|token|authorization|credential|string)[a-z]*[\"'\\\]]*\s*[:=]",
        re.compile(
            rf"((?i:{_SECRET_NAMES})[\"'\\\]]*\s*(?:=>?\s*|:\s*(?=[\"'\\])|:\s*(?=\S*[\d!@#$%^&*+=/_-])))\\*"
            rf"(?!\[REDACTED:){_ASSIGNMENT_VALUE}"
        ),
        _after_first_group("secret"),
    ),
    Pattern(
        "payment_card",
        r"\d" + r"[ -]?\d" * 11,
        re.compile(r"(?<![\w.])[2-6]\d(?:[ -]?\d){11,17}(?![\w]|\.\d)"),
        _card,
    ),
)
OPTIONAL: Final = {
    "email": Pattern("email", r"@[\w-]+\.", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
}
"""Off unless a patterns file turns them on: support agents work with addresses."""


def load_patterns(path: Path | None) -> tuple[Pattern, ...]:
    """The patterns in force: the built-in ones, as switched and added to by a patterns file.

    A TOML file: `[builtin]` with a switch per name (`email = true`, `payment_card = false`), and `[[pattern]]` tables
    with `name`, `regex` and, if wanted, `replacement`. Any other file: one regular expression a line, `#` for notes.
    Raises `PatternsError`.
    """
    if path is None:
        return BUILT_IN
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PatternsError(f"cannot read the patterns file {path}: {error}") from error
    if path.suffix != ".toml":
        return BUILT_IN + tuple(_lines(path, text))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PatternsError(f"the patterns file {path} is no TOML: {error}") from error
    return _switched(path, document.pop("builtin", {})) + _tables(path, document)


def _lines(path: Path, text: str) -> list[Pattern]:
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [
        _pattern(path, f"line {number}", "pattern", line) for number, line in lines if line and not line.startswith("#")
    ]


def _switched(path: Path, switches: Any) -> tuple[Pattern, ...]:
    known = {pattern.name: pattern for pattern in BUILT_IN} | OPTIONAL
    if not isinstance(switches, dict) or not all(isinstance(on, bool) for on in switches.values()):
        raise PatternsError(f"{path}: [builtin] holds a true or false per name; known: {', '.join(known)}")
    if unknown := switches.keys() - known.keys():
        raise PatternsError(f"{path}: [builtin] names {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return tuple(pattern for name, pattern in known.items() if switches.get(name, name not in OPTIONAL))


def _tables(path: Path, document: dict[str, Any]) -> tuple[Pattern, ...]:
    tables = document.pop("pattern", [])
    if document or not isinstance(tables, list):
        raise PatternsError(f"{path}: only [builtin] and [[pattern]] are known, not {', '.join(sorted(document))}")
    return tuple(_table(path, number, table) for number, table in enumerate(tables, start=1))


def _table(path: Path, number: int, table: Any) -> Pattern:
    where = f"[[pattern]] {number}"
    if not isinstance(table, dict) or not {"name", "regex"} <= table.keys() <= {"name", "regex", "replacement"}:
        raise PatternsError(f"{path}: {where} needs name and regex, and may have replacement")
    if not all(isinstance(value, str) for value in table.values()):
        raise PatternsError(f"{path}: {where}: name, regex and replacement are texts")
    return _pattern(path, where, table["name"], table["regex"], table.get("replacement"))


def _pattern(path: Path, where: str, name: str, regex: str, replacement: str | None = None) -> Pattern:
    try:
        compiled = re.compile(regex)
    except re.error as error:
        raise PatternsError(f"{path}: {where} is no regular expression: {error}") from error
    return Pattern(name, None, compiled, None if replacement is None else lambda _found: replacement)
