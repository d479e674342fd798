"""Retrieved documents in one form: `{"id", "score", "content", "metadata", …}`, from any shape that holds a list."""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.normalising.coerce import score
from whichstep_collector.normalising.skeleton import parse_json

Document = dict[str, Any]
_TIDY: Final = frozenset({"id", "score", "content"})


def read_documents(value: Any) -> list[Document] | None:
    """The documents that a JSON text or native value holds; [] is "found nothing", None "does not say"."""
    if isinstance(value, str):
        value = parse_json(value)
    if isinstance(value, dict):
        value = next((value[name] for name in ("documents", "output", "outputs", "results") if name in value), None)
        if isinstance(value, dict):
            value = value.get("documents")
    if not isinstance(value, (list, tuple)):
        return None
    return [tidy(found) if isinstance(found := _native(item), dict) else {"content": item} for item in value]


def _native(item: Any) -> Any:
    """An item that is JSON text of an object, read: some senders dump each document for itself."""
    return parse_json(item) if isinstance(item, str) and item[:1] == "{" else item


def tidy(document: Document) -> Document:
    """A document with id and score at its top level and its text under `content`."""
    found = dict(document)
    if found.keys() <= _TIDY and None not in found.values():
        return scored(found)
    if isinstance(node := found.get("node"), dict):  # LlamaIndex: the document apart from its score
        found = {**node, "id": node.get("id_"), **{name: item for name, item in found.items() if name != "node"}}
    for other in ("page_content", "pageContent", "text", "document"):
        if "content" not in found and isinstance(found.get(other), str):
            found["content"] = found.pop(other)
    metadata = found.get("metadata")
    if isinstance(metadata, dict):
        for name in ("id", "score"):
            if found.get(name) is None and metadata.get(name) is not None:
                found[name] = metadata[name]
    return scored({name: item for name, item in found.items() if item is not None})


def scored(document: Document) -> Document:
    """The document with its score as a number with a fraction: some senders write 1.0 as 1, or as text."""
    if (said := document.get("score")) is not None and (number := score(said)) is not None:
        document["score"] = number
    return document
