"""The values in a text that can be checked: addresses, dates, ids, amounts; each in the forms that mean the same.

What cannot be checked without knowing the world is no value here: words and names, small whole numbers, years, ordinals
(`3rd`), measures (`24h`), short codes (`GPT-4`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from dateutil import parser as dates

ADDRESS, URL, DATE, ID, AMOUNT = "address", "url", "date", "id", "amount"
SMALL_MAX: Final = 100
"""Whole numbers up to here are counted or chosen, not looked up."""
_ID_DIGITS_MIN: Final = 3
_BARE_ID_LENGTH_MIN: Final = 5
_YEARS: Final = range(1900, 2101)
_YEAR_LENGTH: Final = 4

Form = str | Decimal | tuple[int | None, int, int]


class Value(NamedTuple):
    """A value as it stands in a text."""

    kind: str
    text: str
    forms: frozenset[Form]
    """Each way to read it; equal values share one: `1,234.50` and `1234.5`, `3 May 2026` and `2026-05-03`."""


def values(text: str) -> list[Value]:
    """The values of a text in order, each once; what is part of one (the digits of a date) is none of its own."""
    found: dict[tuple[str, frozenset[Form]], tuple[int, Value]] = {}
    for read in (_urls, _addresses, _dates, _ids, _amounts):
        taken = []
        for match, value in read(text):
            taken.append(match.span())
            if value is not None:
                found.setdefault((value.kind, value.forms), (match.start(), value))
        text = _without(text, taken)
    return [value for _, value in sorted(found.values(), key=lambda placed: placed[0])]


def id_form(text: str) -> str:
    """An id without what people write between its parts, in one case."""
    return _BETWEEN.sub("", text).casefold()


_BETWEEN: Final = re.compile(r"[-_/#.]")
_Found = Iterator[tuple[re.Match[str], Value | None]]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with blanks in these places, so that every other place stays what it is."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


_URL: Final = re.compile(r"\bhttps?://[^\s<>\"'`)\]}|\\]+", re.IGNORECASE)


def _urls(text: str) -> _Found:
    for match in _URL.finditer(text):
        shown = match[0].rstrip(".,;:!?*")
        yield match, Value(URL, shown, frozenset({shown.rstrip("/").casefold()}))


# Patterns begin where a run of their letters begins, and give nothing back: a long text costs no more than its length.
_ADDRESS: Final = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")


def _addresses(text: str) -> _Found:
    for match in _ADDRESS.finditer(text):
        yield match, Value(ADDRESS, match[0], frozenset({match[0].casefold()}))


_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?!\d)"
    r"|\b\d{4}/\d{1,2}/\d{1,2}\b|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\.?\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}})?\b"
    rf"|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b",
    re.IGNORECASE,
)
_FAR: Final = datetime(1804, 1, 1)  # a year that no agent speaks of stands for none  # noqa: DTZ001 (a day, no moment)


def _dates(text: str) -> _Found:
    for match in _DATE.finditer(text):
        forms = frozenset(filter(None, (_day(match[0], dayfirst=dayfirst) for dayfirst in (True, False))))
        if forms:
            yield match, Value(DATE, match[0], forms)


def _day(text: str, *, dayfirst: bool) -> tuple[int | None, int, int] | None:
    iso = re.match(r"\d{4}-\d{2}-\d{2}", text)
    plain = iso[0] if iso else re.sub(r"\bof\b", "", text, flags=re.IGNORECASE)
    try:
        day = dates.parse(plain, dayfirst=dayfirst and iso is None, default=_FAR)
    except (ValueError, OverflowError):
        return None
    return None if day.year == _FAR.year else day.year, day.month, day.day


_ID: Final = re.compile(r"(?<![\w.])#?[A-Za-z0-9]++(?:[-_/#][A-Za-z0-9]++)*+")
_MEASURE: Final = re.compile(r"\d+[A-Za-z]{1,4}")


def _ids(text: str) -> _Found:
    """Words with letters and at least three digits, and plain numbers of at least five digits."""
    for match in _ID.finditer(text):
        shown = match[0].lstrip("#")
        digits = sum(letter.isdigit() for letter in shown)
        lettered = digits < len(_BETWEEN.sub("", shown)) and digits >= _ID_DIGITS_MIN and not _MEASURE.fullmatch(shown)
        if lettered:
            yield match, Value(ID, shown, frozenset({id_form(shown)}))
        elif shown.isdigit() and len(shown) >= _BARE_ID_LENGTH_MIN and not _is_decimal(text, match):
            yield match, Value(ID, shown, frozenset({shown, Decimal(shown)}))


def _is_decimal(text: str, match: re.Match[str]) -> bool:
    """Whether the digits are only the beginning of a number, or an amount of money."""
    after, before = text[match.end() : match.end() + 2], text[: match.start()].rstrip()[-1:]
    return bool(re.match(r"[.,]\d", after)) or before in _CURRENCIES or after.lstrip()[:1] in {*_CURRENCIES, "%"}


_CURRENCIES: Final = ("$", "€", "£", "¥", "₹")
_AMOUNT: Final = re.compile(
    r"(?<![\w.,])(?P<before>[$€£¥₹]\s?)?(?P<number>\d{1,3}(?:[,.'\u00a0\u202f]\d{3})+(?:[.,]\d{1,4})?|\d+(?:[.,]\d+)?)"
    r"(?P<after>\s?[€$£¥₹%]|\s?(?:USD|EUR|GBP|dollars?|euros?|percent)\b)?(?![\w]|[.,]\d)",
    re.IGNORECASE,
)


def _amounts(text: str) -> _Found:
    for match in _AMOUNT.finditer(text):
        forms = numbers(match["number"])
        whole = match["number"].isdigit()
        marked = bool(match["before"] or match["after"])
        short = int(match["number"]) if whole and len(match["number"]) <= _YEAR_LENGTH else None
        small = short is not None and not marked and (short <= SMALL_MAX or short in _YEARS)
        yield match, None if small else Value(AMOUNT, match[0].strip(), frozenset(forms))


def numbers(text: str) -> set[Decimal]:
    """The numbers that digits may mean: `1.234` is 1.234 to some and 1234 to others; `1,234.50` is one number."""
    plain = re.sub(r"['\u00a0\u202f]", "", text)
    last = max(plain.rfind("."), plain.rfind(","))
    if last < 0:
        return {Decimal(plain)}
    head, tail = re.sub(r"[.,]", "", plain[:last]), plain[last + 1 :]
    several = len(re.findall(r"[.,]", plain)) > 1
    same = several and len(set(re.findall(r"[.,]", plain))) == 1
    found = set() if same else {Decimal(f"{head}.{tail}").normalize()}
    return found | ({Decimal(head + tail)} if len(tail) == 3 and (same or not several) else set())
