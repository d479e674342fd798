"""Spans of HTTP, messaging, RPC and database clients: what agents call through, no steps."""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.received import ReceivedSpan

_KEYS: Final = (
    "http.request.method", "http.method", "url.full", "http.url", "rpc.system", "rpc.system.name", "db.system",
    "db.system.name", "messaging.system", "messaging.operation", "messaging.operation.name", "messaging.destination",
)  # fmt: skip
_VECTOR_STORES: Final = frozenset(
    {"pinecone", "chroma", "chromadb", "qdrant", "milvus", "weaviate", "marqo", "lancedb"}
)


def _kind(span: ReceivedSpan) -> Kind | None:
    if "gen_ai.operation.name" in span.attributes or "openinference.span.kind" in span.attributes:
        return None
    store = span.attributes.get("db.system.name", span.attributes.get("db.system"))
    if isinstance(store, str) and store in _VECTOR_STORES and _is_search(span):
        return Kind("retrieval")
    return Kind("none")


def _is_search(span: ReceivedSpan) -> bool:
    operation = span.attributes.get("db.operation.name", span.attributes.get("db.operation", span.name))
    return isinstance(operation, str) and any(word in operation.lower() for word in ("query", "search", "retrieve"))


DIALECT = Dialect("transport", recognised_by(keys=_KEYS), _kind)
