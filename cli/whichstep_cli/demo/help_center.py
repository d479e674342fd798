"""The help centre of the pretend shop: a handful of articles and a word-overlap search, enough for a retriever."""

from __future__ import annotations

import re
from typing import Any, Final

ARTICLES: Final[tuple[dict[str, str], ...]] = (
    {
        "id": "refund-damaged",
        "content": "Damaged items: a customer may have the full price of a damaged or broken item refunded within"
        " 30 days of delivery. Look the order up first; the refund may not exceed its total.",
    },
    {
        "id": "delivery-times",
        "content": "Delivery: parcels take two to four working days. When an order is in transit for longer, write to"
        " the customer with the expected day and apologise.",
    },
    {
        "id": "returns",
        "content": "Returns: an unused item can be sent back within 14 days. The refund is paid when the parcel has"
        " arrived and was checked.",
    },
)
_WORD: Final = re.compile(r"[a-z]{4,}")
_STOP_WORDS: Final = frozenset({"order", "please", "have", "with", "that", "this", "would", "like", "your", "when"})


def search(query: str, limit: int = 2) -> list[dict[str, Any]]:
    """The articles that share a word with the query, best first, each with its score from 0 to 1."""
    wanted = _words(query)
    scored = [(_overlap(wanted, article["content"]), article) for article in ARTICLES]
    best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
    return [{**article, "score": score} for score, article in best[:limit]]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) - _STOP_WORDS


def _overlap(wanted: frozenset[str], text: str) -> float:
    return round(len(wanted & _words(text)) / len(wanted), 2) if wanted else 0.0
