"""Lengths of time as people write them: `90s`, `30m`, `4h`, `2d`, or a number of seconds."""

from __future__ import annotations

import math
import re
from typing import Any, Final

_FORM: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
SECONDS_MAX: Final = 366 * 86_400.0


def seconds_of(value: Any) -> float:
    """The length in seconds.

    Raises:
        ValueError: it is no length of time, or none between 0 (excluded) and 366 days.
    """
    match = _FORM.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        seconds = float(match[1]) * _SECONDS[match[2]]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(f"{value!r} is no length of time")
    if not math.isfinite(seconds) or not 0 < seconds <= SECONDS_MAX:
        raise ValueError(f"{value!r} lies outside of 0 seconds to 366 days")
    return seconds
