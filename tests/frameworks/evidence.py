"""Whether what whichstep calls unknown is really absent from what the framework sent: a search of the requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import captures
from captures import Truth

ABSENT, MISSED = "not emitted", "missed"
_USAGE = re.compile(rb"token_count|gen_ai\.usage|(?:usage|(?<!max_)tokens)\w*\W{1,6}\d", re.IGNORECASE)
"""An attribute that counts, or a count in a text; `usage=None` is none."""
_CACHE = re.compile(rb"cached_|cache_read|cached_input|cachedcontent", re.IGNORECASE)
_ARGUMENT = r"{0}\\*[\"']?\s*[:=]\s*\\*[\"']?{1}"


def declared(fact: str, variant: str, reasons: dict[str, str]) -> str | None:
    """Why a fact of a variant cannot be known, as far as the set-up says so itself."""
    return reasons.get(f"{variant.split('_', maxsplit=1)[0]}/{fact}") or reasons.get(fact)


def searched(fact: str, capture: Path) -> str | None:
    """What was looked for in the requests in vain; None where it is there, or where no search can tell."""
    if fact == "one execution":
        return "a trace for each call, without a session or a link that joins them" if _apart(capture) else None
    sent = b"\n".join(body for _, body in captures.requests(capture))
    return _SEARCHES[fact](Truth.read(capture), sent) if fact in _SEARCHES else None


def _apart(capture: Path) -> bool:
    """Several traces, and no link from one to another."""
    spans = [
        row for batch in captures.batches(capture) for row in batch.spans.select(["trace_id", "links"]).to_pylist()
    ]
    return len({row["trace_id"] for row in spans}) > 1 and not any(row["links"] for row in spans)


def _text(key: str, words: str) -> Callable[[Truth, bytes], str | None]:
    def search(truth: Truth, sent: bytes) -> str | None:
        said = truth.raw[key]
        return f"no request holds the {words}" if said and said.encode() not in sent else None

    return search


def _tokens(truth: Truth, sent: bytes) -> str | None:
    del truth
    return None if _USAGE.search(sent) else "no request names tokens or usage"


def _cost(truth: Truth, sent: bytes) -> str | None:
    if truth.raw["tokens"]["cached_input"] and not _CACHE.search(sent):
        return "no request says how much was read from the cache"
    if not any(call["model"].encode() in sent for call in truth.raw["llm_calls"]):
        return "no request names the model"
    return _tokens(truth, sent)


def _documents(truth: Truth, sent: bytes) -> str | None:
    documents = [document for step in truth.executed("retrieval") for document in step["result"]]
    held = any(document["content"][:40].encode() in sent for document in documents)
    return None if held or not documents else "no request holds a document"


def _arguments(truth: Truth, sent: bytes) -> str | None:
    pairs = [pair for step in truth.executed("tool") for pair in step["args"].items()]
    held = any(re.search(_ARGUMENT.format(name, re.escape(str(value))).encode(), sent) for name, value in pairs)
    return None if held else "no request holds a tool's argument"


def _errors(truth: Truth, sent: bytes) -> str | None:
    names = {name for _, types in truth.errors() for name in types - captures.PROVIDERS_WORDS if name}
    return None if any(name.encode() in sent for name in names) else "no request names the error's type"


def _outcome(truth: Truth, sent: bytes) -> str:
    del truth, sent
    return "nobody states whether the task was done"


_SEARCHES: dict[str, Callable[[Truth, bytes], str | None]] = {
    "session": _text("session_id", "session id"),
    "input": _text("user_input", "user's words"),
    "output": _text("final_answer", "last answer"),
    "tokens": _tokens,
    "cost": _cost,
    "documents": _documents,
    "arguments": _arguments,
    "errors": _errors,
    "outcome": _outcome,
}
