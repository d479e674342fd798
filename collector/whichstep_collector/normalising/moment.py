"""Takes the moment of a run out of a prompt, so that the same prompt on another day is the same configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_DAY_NS: Final = 86_400 * 10**9
_LENGTH_MAX: Final = 64 * 1024
"""Where a prompt names the month or the year, looking costs some 40 ns a character; else, or the second time, 1 ns."""
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
"""Of English prompts, whatever the locale here."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CLOCK: Final = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?[AaPp](?:\.[Mm]\.|[Mm]))?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_TIME: Final = rf"(?:,?[T ]+(?:at )?{_CLOCK})?"


def without_moment(text: str, at: int) -> str:
    """The text without today's date, as it was on `at` (ns since the epoch) anywhere on earth, and the time beside it.

    Other dates stay: they are what the prompt says. One that it always names cannot be told from today's on the days
    around it, so such a prompt has another digest then. Of a very long text nothing is looked for.
    """
    return _without(text, at // _DAY_NS) if len(text) < _LENGTH_MAX else text


@lru_cache(64)
def _without(text: str, day: int) -> str:
    signs, today = _today(day)
    plain = text.lower()
    return today.sub("…", text) if any(sign in plain for sign in signs) else text


@lru_cache(16)
def _today(day: int) -> tuple[frozenset[str], re.Pattern[str]]:
    """Years and months, of which every way to write the date has one, in small letters; and all those ways."""
    middle = datetime.fromtimestamp(day * 86_400, UTC)
    days = [middle + timedelta(days=around) for around in (0, -1, 1)]
    written = "|".join(said for one in days for said in _written(one))
    months = {_MONTHS[one.month - 1][:3] for one in days}
    begins = "|".join(sorted(months | {_WEEKDAYS[one.weekday()][:3] for one in days}))
    signs = frozenset(sign.lower() for sign in months) | {str(one.year) for one in days}
    # most words begin no date: to look at their first letters costs a third of trying all ways
    return signs, re.compile(rf"(?<![\w.-])(?=\d|{begins})(?:{written})(?!\d){_TIME}", re.IGNORECASE)


def _written(day: datetime) -> list[str]:
    """Patterns of a date, those that others begin with last."""
    year, month, number = day.year, day.month, day.day
    name, ordinal = _MONTHS[month - 1], rf"0?{number}(?:st|nd|rd|th)?"
    called = rf"(?:{name}|{name[:3]}\.?)"
    weekday = _WEEKDAYS[day.weekday()]
    before = rf"(?:(?:{weekday}|{weekday[:3]}\.?),? (?:the )?)?"
    return [
        rf"{year}[-/.]{month:02}[-/.]{number:02}(?:,? {weekday})?",
        f"{year}{month:02}{number:02}",
        rf"{number:02}[-/.]{month:02}[-/.]{year}",
        rf"0?{month}/0?{number}/{year}",
        rf"0?{number}/0?{month}/{year}",
        rf"{before}{called} {ordinal}(?:,? {year})?",
        rf"{before}{ordinal} (?:of )?{called}(?:,? {year})?",
    ]
