"""What changed: a figure beside the one before, and groups beside each other, as they are and with the mix held.

The test of a change is the interval of the difference turned into a p value, so that the two never disagree. A figure
moves when the mix of task types does, though no type did: hence beside each change the one with the mix held, by
direct standardisation over the types that both sides have, weighted by both sides together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from whichstep_analytics import intervals, metrics, words
from whichstep_analytics.answers.documents import Document

Ends = tuple[float, float, float]
Typed = dict[str | None, dict[str, Document]]
"""Figures by task type and metric."""
_METHODS: Final = {
    "share": "difference of shares (Newcombe 1998, method 10)",
    "ms": "difference of order statistics (Zou and Donner 2008)",
}
_OTHERWISE: Final = "difference of ratios (Zou and Donner 2008)"


def compared(
    figure: Document, previous: Document | None, typed: Typed, typed_before: Typed, metric: str
) -> dict[str, Document | None]:
    """`previous` and `change` of a figure; the change is null where either figure or interval is not known."""
    new, old = ends(figure), ends(previous)
    if new is None or old is None:
        return {"previous": previous, "change": None}
    unit = str(figure["unit"])
    change = _change(new, old, unit)
    held = _held(typed, typed_before, metric, unit) if metric in metrics.STANDARDISED else None
    disagree = held is not None and held["verdict"] != change["verdict"]
    said = f"; with the mix of task types held: {held['words']}" if held is not None and disagree else ""
    return {
        "previous": previous,
        "change": {
            **change,
            "words": change["words"] + said,
            "method": _METHODS.get(unit, _OTHERWISE),
            "mix_adjusted": held,
            "disagree": disagree,
        },
    }


def standardised_groups(groups: Sequence[Document], typed: Sequence[Typed], by: Sequence[str]) -> list[str]:
    """Where two groups that stand beside each other differ otherwise with the mix of task types held, in words.

    Adds to each figure that can be standardised `mix_adjusted` (value, lower, upper): with the mix of all groups.
    """
    if len(groups) < 2 or set(by) & {"task_type", *metrics.TIME_GROUPS}:
        return []
    said = []
    for metric in metrics.STANDARDISED:
        for group, held in zip(groups, _with_one_mix(typed, metric), strict=True):
            group["metrics"][metric]["mix_adjusted"] = held and dict(
                zip(("value", "lower", "upper"), held, strict=True)
            )
        said += [text for one, other in pairwise(groups) if (text := _disagreement(metric, one, other))]
    return said


def ends(figure: Mapping[str, Any] | None) -> Ends | None:
    """(value, lower, upper) of a figure where all are known."""
    if figure is None or any(figure.get(name) is None for name in ("value", "lower", "upper")):
        return None
    return figure["value"], figure["lower"], figure["upper"]


def _change(new: Ends, old: Ends, unit: str) -> Document:
    value, lower, upper = intervals.difference(new, old)
    p_value = intervals.p_value(value, lower, upper)
    return {
        "value": value,
        "lower": lower,
        "upper": upper,
        "p_value": p_value,
        "verdict": words.verdict(value, p_value),
        "words": words.change(value, p_value, unit),
    }


def _held(typed: Typed, typed_before: Typed, metric: str, unit: str) -> Document | None:
    """The change with the mix held; null where fewer than two task types are known on both sides."""
    new, old = _with_one_mix([typed, typed_before], metric)
    return None if new is None or old is None else _change(new, old, unit)


def _with_one_mix(sides: Sequence[Typed], metric: str) -> list[Ends | None]:
    """Each side's figure with the mix of all together, over the task types that all have."""
    known = [{kind: of_type[metric] for kind, of_type in side.items() if ends(of_type.get(metric))} for side in sides]
    shared = set(known[0]).intersection(*known[1:])
    if len(shared) < 2:
        return [None] * len(sides)
    mix = {kind: sum(side[kind]["denominator"] for side in known) for kind in shared}
    whole = sum(mix.values())
    return [
        intervals.combined(
            (mix[kind] / whole, found) for kind in sorted(shared, key=str) if (found := ends(side[kind]))
        )
        for side in known
    ]


def _disagreement(metric: str, one: Document, other: Document) -> str | None:
    figures = [group["metrics"][metric] for group in (one, other)]
    raw, held = [ends(figure) for figure in figures], [ends(figure.get("mix_adjusted")) for figure in figures]
    if None in raw or None in held:
        return None
    unit = figures[0]["unit"]
    plain, adjusted = (_change(pair[1], pair[0], unit) for pair in (raw, held))  # type: ignore[arg-type]
    if plain["verdict"] == adjusted["verdict"]:
        return None
    first, second = (", ".join(str(value) for value in group["group"].values()) for group in (one, other))
    return f"{metric}, {second} against {first}: {plain['words']}; with the mix of task types held: {adjusted['words']}"
