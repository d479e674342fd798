r"""Takes secrets out of received spans and logs before anything else sees them.

Every text, byte string and number of a request is a leaf: names, attribute keys and values at any depth, events,
links, status, scope, resource. The distinct texts of a request are searched together for signs of secrets, vectorised
(by Polars, which keeps the compiled automaton; Arrow makes it anew for every request, 2 ms each). Only texts that show
one are looked at closely, so clean requests cost a few microseconds a span. A text that holds JSON is redacted inside,
so JSON stays JSON and an escape (`\u002d`) hides nothing. A value under a name such as `password` or `api_key` is a
secret whatever it looks like.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Final

import orjson
import polars as pl

from whichstep_collector.received import ReceivedLogs, ReceivedTraces, Value
from whichstep_collector.redact_leaves import Leaves, Replacements, is_hideable
from whichstep_collector.redact_patterns import BUILT_IN, SECRET_KEY, Pattern, is_payment_card, load_patterns, marker

__all__ = ["Redactor", "load_patterns"]

_TEXT_LENGTH_MIN: Final = 6
_DEPTH_MAX: Final = 40
_ESCAPE_SIGN: Final = r"\\u00[2-7]"
_ESCAPE: Final = re.compile(r"\\+u00([2-7][0-9a-fA-F])")
_CARD_FROM: Final = 10**12
_CARD_BELOW: Final = 10**19
_KEYS_MAX: Final = 20_000
_CLEAN_LENGTH_MAX: Final = 64


class Redactor:
    """Replaces secrets in place by `[REDACTED:name]`. Thread-safe. `counts` says how many of each name so far."""

    def __init__(self, patterns: Sequence[Pattern] = BUILT_IN) -> None:
        """Takes the patterns in force, see `load_patterns`."""
        self._patterns = tuple(patterns)
        signs = [pattern.sign for pattern in patterns if pattern.sign is not None]
        self._sign = "|".join([*signs, _ESCAPE_SIGN])
        self._unsigned = any(pattern.sign is None for pattern in patterns)
        self._cards = any(pattern.name == "payment_card" for pattern in patterns)
        self._named = any(pattern.name == "secret" for pattern in patterns)
        self._secret_keys: dict[str, bool] = {}
        self._clean: set[str] = set()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def redact_traces(self, received: ReceivedTraces) -> ReceivedTraces:
        """Redacts every leaf of the spans in place, marks those that held a secret, returns what it was given."""
        leaves = Leaves()
        for group in received.groups:
            leaves.add_source(group.source)
            leaves.add_spans(group.spans)
        if replace := self._replacements(leaves):
            for group in received.groups:
                tainted = replace.source(group.source)
                for span in group.spans:
                    span.redacted = replace.span(span) or tainted
            self._count(replace.counts)
        return received

    def redact_logs(self, received: ReceivedLogs) -> ReceivedLogs:
        """Redacts every leaf of the records in place. Returns what it was given."""
        leaves = Leaves()
        for group in received.groups:
            leaves.add_source(group.source)
            for record in group.logs:
                leaves.add_texts((record.event_name, record.severity_text))
                leaves.add_value(record.body)
                leaves.add_attributes(record.attributes)
        if replace := self._replacements(leaves):
            for group in received.groups:
                tainted = replace.source(group.source)
                for record in group.logs:
                    before = replace.done
                    record.event_name = replace.text(record.event_name)
                    record.severity_text = replace.text(record.severity_text)
                    record.body = replace.value(record.body)
                    record.attributes = replace.attributes(record.attributes)
                    record.redacted = tainted or replace.done > before
            self._count(replace.counts)
        return received

    def redact_text(self, text: str) -> str:
        """One text without its secrets; the same text when it has none."""
        return self._text(text, Counter(), 0)

    def _count(self, counts: Counter[str]) -> None:
        with self._lock:
            self.counts.update(counts)

    def _replacements(self, leaves: Leaves) -> Replacements | None:
        """What to put for what; None when the request holds no secret."""
        leaves.sort()
        counts: dict[Value, Counter[str]] = {}
        found: dict[Value, Value] = {}
        for leaf in self._suspects(leaves):
            counted: Counter[str] = Counter()
            clean = self._text(leaf, counted, 0)
            if clean != leaf:
                found[leaf], counts[leaf] = clean, counted
        for blob in leaves.blobs:
            counted = Counter()
            clean = self._text(text := blob.decode("latin-1"), counted, 0)
            if clean != text:
                found[blob], counts[blob] = clean.encode("latin-1", "replace"), counted
        for number in leaves.numbers if self._cards else ():
            if _is_card_number(number):
                found[number] = marker("payment_card")
                counts[number] = Counter(payment_card=1)
        secret_keys = {key for key in leaves.keys if self._is_secret_key(key)} if self._named else set()
        return Replacements(found, counts, secret_keys) if found or secret_keys else None

    def _suspects(self, leaves: Leaves) -> list[str]:
        """The texts that show a sign of a secret."""
        texts = [text for text in (*leaves.keys, *leaves.texts) if len(text) >= _TEXT_LENGTH_MIN]
        if self._unsigned or not texts:
            return texts
        hits = pl.Series(texts, dtype=pl.String).str.contains(self._sign)
        return [texts[at] for at in hits.arg_true()]

    def _is_secret_key(self, key: str) -> bool:
        known = self._secret_keys.get(key)
        if known is None:
            if len(self._secret_keys) >= _KEYS_MAX:
                self._secret_keys.clear()
            known = self._secret_keys[key] = SECRET_KEY.search(key) is not None
        return known

    def _text(self, text: str, counts: Counter[str], depth: int) -> str:
        if text[:1] in {"{", "[", '"'} and depth < _DEPTH_MAX:
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                return self._plain(text, counts)
            clean = self._inside(value, counts, depth + 1)
            return text if clean == value else orjson.dumps(clean).decode()
        return self._plain(text, counts)

    def _inside(self, value: Value, counts: Counter[str], depth: int) -> Value:
        """A JSON value without its secrets."""
        if isinstance(value, str):
            return self._text(value, counts, depth)
        if isinstance(value, dict):
            return {self._plain(key, counts): self._member(key, item, counts, depth) for key, item in value.items()}
        if isinstance(value, list):
            return [self._inside(item, counts, depth) for item in value]
        if self._cards and _is_card_number(value):
            counts["payment_card"] += 1
            return marker("payment_card")
        return value

    def _member(self, key: str, item: Value, counts: Counter[str], depth: int) -> Value:
        if self._named and self._is_secret_key(key) and is_hideable(item):
            counts["secret"] += 1
            return marker("secret")
        return self._inside(item, counts, depth)

    def _plain(self, text: str, counts: Counter[str]) -> str:
        """A text that is no JSON. Inside JSON most are keys and words seen before: what was clean is clean again."""
        if text in self._clean:
            return text
        clean = self._unescaped(text, counts)
        if clean == text and len(text) <= _CLEAN_LENGTH_MAX:
            if len(self._clean) >= _KEYS_MAX:
                self._clean.clear()
            self._clean.add(text)
        return clean

    def _unescaped(self, text: str, counts: Counter[str]) -> str:
        clean = self._apply(text, counts)
        if clean == text and "\\u00" in text:
            # JSON that was cut, or JSON inside a text: read the escapes of ASCII, which change no other character
            shown = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
            redacted = self._apply(shown, counts)
            return text if redacted == shown else redacted
        return clean

    def _apply(self, text: str, counts: Counter[str]) -> str:
        for pattern in self._patterns:
            clean = pattern.apply(text)
            if clean != text:
                counts[pattern.name] += 1
                text = clean
        return text


def _is_card_number(value: Value) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _CARD_FROM <= value < _CARD_BELOW:
        return False
    return value == int(value) and is_payment_card(str(int(value)))
