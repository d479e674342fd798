"""Changes and trends in words: `up 3.1 points (p = 0.01)`, `falling by 1.2 points a week (0.5 to 1.9)`. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

CLEAR_BELOW: Final = 0.05
UP, DOWN, UNCLEAR = "up", "down", "unclear"


def verdict(change: float, p_value: float) -> str:
    """`up` or `down` where chance alone would rarely give as much, else `unclear`."""
    if p_value >= CLEAR_BELOW:
        return UNCLEAR
    return UP if change > 0 else DOWN


def change(value: float, p_value: float, unit: str) -> str:
    """A change and whether chance explains it."""
    said = f"{'up' if value > 0 else 'down'} {amount(abs(value), unit)}" if value else "unchanged"
    return (
        f"{said} ({probability(p_value)})"
        if p_value < CLEAR_BELOW
        else f"no clear change: {said} ({probability(p_value)})"
    )


def trend(direction: str, value: float, lower: float, upper: float, unit: str) -> str:
    """A slope and its interval."""
    if direction == "none":
        return f"no clear direction: {amount(lower, unit)} to {amount(upper, unit)} a week"
    low, high = sorted((abs(lower), abs(upper)))
    return f"{direction} by {amount(abs(value), unit)} a week ({amount(low, unit)} to {amount(high, unit)})"


def amount(value: float, unit: str) -> str:
    """A difference with its unit: shares in points of a hundred."""
    if unit == "share":
        return f"{100 * value:.1f} points"
    if unit == "ms":
        return f"{value / 1000:,.2f} s" if abs(value) >= 1000 else f"{value:,.0f} ms"
    if unit == "usd":
        digits = format(Decimal(f"{abs(value):.3g}"), "f")  # 0.0000802, not 8.02e-05
        return f"{'-' if value < 0 else ''}${digits}"
    return f"{value:,.0f} {unit}" if abs(value) >= 1000 else f"{value:.3g} {unit}"


def probability(p_value: float) -> str:
    """`p = 0.03`; below a thousandth only that."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
