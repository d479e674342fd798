"""The leaves of a request, texts and numbers anywhere in it: gathered to be searched, replaced where secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from whichstep_collector.received import Attributes, ReceivedSpan, Source, Value
from whichstep_collector.redact_patterns import marker

_CARD_FROM: Final = 10**12


class Leaves:
    """The distinct leaves of a request. `sort` fills `texts`, `blobs` and `numbers`."""

    def __init__(self) -> None:
        self._found: set[Value] = set()
        self.keys: set[str] = set()
        """Attribute keys, at any depth."""
        self.texts: list[str] = []
        """Texts that are no keys."""
        self.blobs: list[bytes] = []
        """Byte strings: rare, so each is looked at."""
        self.numbers: list[int | float] = []
        """Numbers large enough to be a card's."""

    def sort(self) -> None:
        """Sorts what was taken by type."""
        for leaf in [leaf for leaf in self._found if type(leaf) is tuple]:
            self.add_value(leaf)
        for leaf in self._found:
            kind = type(leaf)
            if kind is str:
                self.texts.append(leaf)
            elif kind is int or kind is float:
                if leaf >= _CARD_FROM:
                    self.numbers.append(leaf)
            elif kind is bytes:
                self.blobs.append(leaf)

    def add_source(self, source: Source) -> None:
        """Takes the leaves of a resource and scope."""
        self.add_texts((source.scope, source.scope_version, source.resource_schema_url, source.scope_schema_url))
        self.add_attributes(source.resource)
        self.add_attributes(source.scope_attributes)

    def add_spans(self, spans: Iterable[ReceivedSpan]) -> None:
        """Takes the leaves of spans, their events and links."""
        for span in spans:
            self.add_attributes(span.attributes)
            self._found.add(span.name)
            if span.status_message or span.trace_state:
                self._found.update((span.status_message, span.trace_state))
            for event in span.events:
                self._found.add(event.name)
                self.add_attributes(event.attributes)
            for link in span.links:
                self._found.add(link.trace_state)
                self.add_attributes(link.attributes)

    def add_texts(self, texts: Iterable[str]) -> None:
        """Takes texts."""
        self._found.update(texts)

    def add_attributes(self, attributes: Attributes) -> None:
        """Takes keys and values, at any depth."""
        self.keys.update(attributes)
        try:
            self._found.update(attributes.values())
        except TypeError:  # a map inside
            for value in attributes.values():
                self.add_value(value)

    def add_value(self, value: Value) -> None:
        """Takes the leaves of a value, at any depth."""
        if isinstance(value, dict):
            self.add_attributes(value)
        elif isinstance(value, tuple):
            for item in value:
                self.add_value(item)
        else:
            self._found.add(value)


class Replacements:
    """Puts clean values for the leaves that held secrets."""

    def __init__(self, found: dict[Value, Value], counts: dict[Value, Counter[str]], secret_keys: set[str]) -> None:
        self._found, self._counts, self._secret_keys = found, counts, secret_keys
        self.counts: Counter[str] = Counter()
        self.done = 0

    def source(self, source: Source) -> bool:
        """Cleans a resource and scope in place; whether it held a secret."""
        before = self.done
        source.scope, source.scope_version = self.text(source.scope), self.text(source.scope_version)
        source.resource_schema_url = self.text(source.resource_schema_url)
        source.scope_schema_url = self.text(source.scope_schema_url)
        source.resource = self.attributes(source.resource)
        source.scope_attributes = self.attributes(source.scope_attributes)
        return self.done > before

    def span(self, span: ReceivedSpan) -> bool:
        """Cleans a span in place; whether it held a secret."""
        before = self.done
        span.name, span.status_message = self.text(span.name), self.text(span.status_message)
        span.trace_state = self.text(span.trace_state)
        span.attributes = self.attributes(span.attributes)
        for event in span.events:
            event.name, event.attributes = self.text(event.name), self.attributes(event.attributes)
        for link in span.links:
            link.trace_state, link.attributes = self.text(link.trace_state), self.attributes(link.attributes)
        return self.done > before

    def text(self, text: str) -> str:
        """The clean text."""
        clean: str = self._leaf(text)
        return clean

    def attributes(self, attributes: Attributes) -> Attributes:
        """Clean attributes; a value under a secret's name is one."""
        return {self.text(key): self._member(key, value) for key, value in attributes.items()}

    def value(self, value: Value) -> Value:
        """The clean value."""
        if isinstance(value, dict):
            return self.attributes(value)
        if isinstance(value, tuple):
            return tuple(self.value(item) for item in value)
        return self._leaf(value)

    def _member(self, key: str, value: Value) -> Value:
        if key in self._secret_keys and is_hideable(value):
            self.done += 1
            self.counts["secret"] += 1
            return marker("secret")
        return self.value(value)

    def _leaf(self, leaf: Value) -> Value:
        clean = self._found.get(leaf)
        if clean is None:
            return leaf
        self.done += 1
        self.counts.update(self._counts[leaf])
        return clean


def is_hideable(value: Value) -> bool:
    """Whether a value under a secret's name can be the secret: not a switch, not nothing, not hidden already."""
    if isinstance(value, str):
        return bool(value) and not value.startswith("[REDACTED")
    return (
        not isinstance(value, bool) and value is not None and not (isinstance(value, (dict, tuple, list)) and not value)
    )
