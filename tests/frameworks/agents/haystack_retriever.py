"""The help centre as a component of Haystack, which its instrumentation looks up by name in a module."""

from collections.abc import Callable
from typing import Any

from haystack import Document, component


@component
class HelpCenterRetriever:
    def __init__(self, search: Callable[[str], list[dict[str, Any]]]) -> None:
        self._search = search

    @component.output_types(documents=list[Document])
    def run(self, query: str) -> dict[str, Any]:
        found = self._search(query)
        return {"documents": [Document(id=hit["id"], content=hit["content"], score=hit["score"]) for hit in found]}
