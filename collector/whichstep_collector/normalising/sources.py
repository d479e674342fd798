"""What all spans of one resource and scope share, worked out once per group."""

from __future__ import annotations

from copy import copy
from typing import Final

import orjson

from whichstep_collector.normalising.coerce import text
from whichstep_collector.normalising.contents import Contents, hash_text
from whichstep_collector.normalising.facts import template
from whichstep_collector.normalising.fields import ENVIRONMENT_KEYS, RELEASE_KEYS
from whichstep_collector.normalising.skeleton import skeleton
from whichstep_collector.received import Attributes, Source
from whichstep_store.digests import digest_of


class SourceFacts:
    """Columns of a group, and the long texts of its resource that each of its traces keeps."""

    def __init__(self, source: Source) -> None:
        gathered = _Gathered()
        document = skeleton(_document(source), b"", gathered)
        self.scope = source.scope
        self.service = text(source.resource.get("service.name")) or "unknown_service"
        self.digest = digest_of(document)
        self.texts = gathered.texts
        self.columns = template(
            scope=source.scope,
            service=self.service,
            resource=document.decode(),
            **_if_said("release", source.resource, RELEASE_KEYS),
            **_if_said("environment", source.resource, ENVIRONMENT_KEYS),
        )

    @classmethod
    def of(cls, source: Source, *, received_at: int) -> SourceFacts:
        """The facts of a source in a request. A process sends the same source again and again: it is read once."""
        try:
            key = orjson.dumps(_document(source))
        except TypeError:  # holds bytes
            facts = cls(source)
        else:
            facts = _known.get(key) or _remember(key, cls(source))
        found = copy(facts)
        found.columns = {**facts.columns, "received_at": received_at}
        return found

    def keep(self, trace_id: bytes, contents: Contents) -> None:
        """Keeps the resource's long texts for a trace."""
        for long_text in self.texts:
            contents.add(trace_id, long_text)


_KNOWN_MAX: Final = 256
_KNOWN_BYTES_MAX: Final = 16 << 10
_known: dict[bytes, SourceFacts] = {}


def _remember(key: bytes, facts: SourceFacts) -> SourceFacts:
    if len(key) <= _KNOWN_BYTES_MAX:
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[key] = facts
    return facts


class _Gathered(Contents):
    """Contents that belong to no trace yet."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def add(self, trace_id: bytes, text: str) -> bytes:
        del trace_id
        self.texts.append(text)
        return hash_text(text)


def _document(source: Source) -> Attributes:
    """What was said of a source; it stands in every row, so what was left empty is left out."""
    scope = {"name": source.scope, "version": source.scope_version, "attributes": source.scope_attributes}
    document = {
        "resource": source.resource,
        "resource_schema_url": source.resource_schema_url,
        "scope": {name: value for name, value in scope.items() if value},
        "scope_schema_url": source.scope_schema_url,
    }
    return {name: value for name, value in document.items() if value}


def _if_said(column: str, resource: Attributes, keys: tuple[str, ...]) -> dict[str, str]:
    said = next((found for key in keys if (found := text(resource.get(key)))), None)
    return {} if said is None else {column: said}
