"""The moment of a run in a prompt is no part of its configuration; other dates are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rows import row_of

from builders import span
from whichstep_collector.normalising.moment import without_moment

NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-27",
        "2026-11-27T12:00:01.25Z",
        "2026-11-27 12:00:01 UTC",
        "2026-11-28 01:30 +13:00",  # already tomorrow there
        "2026/11/26",
        "20261127",
        "27.11.2026",
        "11/27/2026, 12:00 PM",
        "27/11/2026",
        "Friday, November 27, 2026",
        "Friday, November 27th, 2026 at 12:00",
        "Nov 27, 2026",
        "november 27",
        "Fri, 27 Nov 2026 12:00:00 GMT",
        "27th of November 2026",
    ],
)
def test_todays_date_is_taken_out_however_it_is_written(said):
    assert without_moment(f"Today is {said}. Be kind.", NOON) == "Today is …. Be kind."


@pytest.mark.parametrize(
    "said",
    [
        "valid until 2026-12-31",
        "since November 2, 2026",
        "order A-20261127",
        "version 1.2026-11-27",
        "November 270",
        "2026-11-275",
        "open from 9:00 to 17:00",
        "pay back 27 euros in November",
    ],
)
def test_other_dates_and_numbers_stay(said):
    assert without_moment(said, NOON) == said


def configuration(prompt, at):
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": "hi"}]
    said = {"openinference.span.kind": "LLM"}
    for number, message in enumerate(messages):
        said |= {f"llm.input_messages.{number}.message.{key}": value for key, value in message.items()}
    return row_of(span(id=1, start=at, end=at + 1, attributes=said))["configuration_digest"]


def test_the_same_prompt_on_another_day_is_the_same_configuration_and_another_prompt_is_not():
    tomorrow = NOON + 86_400 * 10**9
    today = configuration("Today is 2026-11-27. Refund up to 50 euros.", NOON)
    assert configuration("Today is 2026-11-28. Refund up to 50 euros.", tomorrow) == today
    assert configuration("Today is 2026-11-28. Refund up to 500 euros.", tomorrow) != today
    assert configuration("Today is 2027-01-01. Refund up to 50 euros.", NOON) != today
