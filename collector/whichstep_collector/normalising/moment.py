"""Takes the moment of a run out of a prompt, so that the same prompt on another day is the same configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_DAY_NS: Final = 86_400 * 10**9
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

    Other dates stay: they are what the prompt says.
    """
    return _without(text, at // _DAY_NS)


@lru_cache(512)
def _without(text: str, day: int) -> str:
    return _today(day).sub("…", text)


@lru_cache(16)
def _today(day: int) -> re.Pattern[str]:
    middle = datetime.fromtimestamp(day * 86_400, UTC)
    written = [said for around in (0, -1, 1) for said in _written(middle + timedelta(days=around))]
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(written)})(?!\d){_TIME}", re.IGNORECASE)


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
