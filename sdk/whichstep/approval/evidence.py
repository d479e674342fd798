"""What an execution found so far: the documents of its retrievals and the results of its tools, in this process.

Kept from spans as they end, whoever recorded them, once some action may need a person; bounded in every direction. The
best three go with a request: documents by their scores, then the latest results.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import format_span_id, format_trace_id

from whichstep import attributes as names
from whichstep import values

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

PIECES_MAX: Final = 3
TEXT_CHARACTERS_MAX: Final = 1000
PARSED_CHARACTERS_MAX: Final = 256 * 1024
PIECES_KEPT: Final = 32
"""An execution: the latest ones."""
EXECUTIONS_KEPT: Final = 256
_OPENINFERENCE: Final = "retrieval.documents."
_TOOL_RESULTS: Final = (names.TOOL_RESULT, "output.value", "traceloop.entity.output")
_NOTHING: Final = frozenset({"", "null", "None", "[]", "{}"})
_CONTENT: Final = ("content", "text", "page_content", "document", "snippet")
_SOURCE: Final = ("source", "id", "document_id", "title", "name")


class Piece(NamedTuple):
    """One thing that was found."""

    source: str
    text: str
    score: float | None
    step_id: str | None

    def form(self) -> dict[str, Any]:
        """The piece as JSON."""
        return self._asdict()


class Evidence:
    """The pieces of the executions that run in this process. Safe in any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, deque[Piece]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, span: ReadableSpan) -> None:
        """Keep what a retrieval or a tool call found; called as its span ends. Never raises."""
        try:
            attributes, context = span.attributes or {}, span.get_span_context()
            if context is None or not (found := _found(attributes, format_span_id(context.span_id))):
                return
            key = str(attributes.get(names.EXECUTION_ID) or format_trace_id(context.trace_id))
            with self._lock:
                self._kept.setdefault(key, deque(maxlen=PIECES_KEPT)).extend(found)
                self._kept.move_to_end(key)
                while len(self._kept) > EXECUTIONS_KEPT:
                    self._kept.popitem(last=False)
        except Exception:  # noqa: BLE001  evidence helps a reviewer; it must not cost the agent anything
            return

    def renew_lock(self) -> None:
        """Forget who holds the lock: in a forked child nobody does."""
        self._lock = threading.Lock()

    def best(self, execution_id: str | None) -> list[Piece]:
        """The best three pieces of an execution, best first."""
        with self._lock:
            kept = list(self._kept.get(execution_id or "", ()))
        scored = sorted((piece for piece in kept if piece.score is not None), key=lambda piece: -(piece.score or 0.0))
        return [*_distinct(scored), *_distinct(piece for piece in reversed(kept) if piece.score is None)][:PIECES_MAX]


def given(evidence: Iterable[Any]) -> list[Piece]:
    """Pieces as a program gives them: texts, or mappings with source, text (or content), score and step_id."""
    return [_document(piece, None, "given") for piece in list(evidence)[:PIECES_MAX]]


def _distinct(pieces: Iterable[Piece]) -> list[Piece]:
    return list({(piece.source, piece.text): piece for piece in reversed(list(pieces))}.values())[::-1]


def _found(attributes: Mapping[str, Any], step_id: str) -> list[Piece]:
    tool = attributes.get(names.TOOL_NAME) or attributes.get("tool.name")
    if isinstance(tool, str):
        result = next((said for key in _TOOL_RESULTS if isinstance(said := attributes.get(key), str)), "null")
        return [] if result in _NOTHING else [Piece(tool[:200], result[:TEXT_CHARACTERS_MAX], None, step_id)]
    documents = attributes.get(names.RETRIEVAL_DOCUMENTS)
    if isinstance(documents, str):
        return _best_documents(_parsed(documents), step_id)
    is_search = attributes.get("openinference.span.kind") == "RETRIEVER"
    return _best_documents(_indexed(attributes), step_id) if is_search else []


def _indexed(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Documents as OpenInference flattens them: `retrieval.documents.0.document.content`."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in attributes.items():
        if key.startswith(_OPENINFERENCE):
            number, _, name = key.removeprefix(_OPENINFERENCE).partition(".document.")
            found.setdefault(number, {})[name] = value
    return list(found.values())


def _best_documents(documents: Any, step_id: str) -> list[Piece]:
    if not isinstance(documents, Sequence) or isinstance(documents, str):
        return []
    pieces = [_document(document, step_id, "document") for document in documents]
    return sorted(pieces, key=lambda piece: -(piece.score or 0.0))[:PIECES_MAX]


def _document(document: Any, step_id: str | None, kind: str) -> Piece:
    read = values.plain(document, string_max=TEXT_CHARACTERS_MAX)
    if not isinstance(read, Mapping):
        return Piece(kind, _cut(read), None, step_id)
    text = next((read[key] for key in _CONTENT if read.get(key)), "")
    source = next((read[key] for key in _SOURCE if read.get(key)), kind)
    score = read.get("score")
    points = score if isinstance(score, (int, float)) and not isinstance(score, bool) else None
    step = read.get("step_id")
    return Piece(
        _cut(source, 200),
        _cut(text),
        None if points is None else float(points),
        step if isinstance(step, str) else step_id,
    )


def _cut(value: Any, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    return values.bounded(value, characters_max=characters_max).text


def _parsed(text: str) -> Any:
    if len(text) > PARSED_CHARACTERS_MAX:
        return []
    try:
        return json.loads(text)
    except ValueError:
        return []
