"""Texts of a batch, stored once a trace under the BLAKE2b-128 of their UTF-8 bytes; rows keep previews and hashes."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import orjson
import pyarrow as pa

from whichstep_collector.normalising.columns import content_batch
from whichstep_store.digests import digest_of

PREVIEW_BYTES_MAX: Final = 1024


def hash_text(text: str) -> bytes:
    """BLAKE2b-128 of the text's UTF-8 bytes."""
    return blake2b(text.encode(), digest_size=16).digest()


def preview(text: str) -> str:
    """The text, cut to 1 KiB of UTF-8 at a character."""
    if len(text) * 4 <= PREVIEW_BYTES_MAX:
        return text
    if text.isascii():
        return text[:PREVIEW_BYTES_MAX]
    return text[:PREVIEW_BYTES_MAX].encode()[:PREVIEW_BYTES_MAX].decode(errors="ignore")


class Contents:
    """Collects the texts of one batch. Equal texts are hashed once, and kept once a trace."""

    def __init__(self) -> None:
        self._hashes: dict[str, bytes] = {}
        self._kept: set[bytes] = set()
        self._trace_ids: list[bytes] = []
        self._hash_column: list[bytes] = []
        self._texts: list[str] = []
        self._digests: dict[tuple[str, ...], bytes] = {}
        self.messages: dict[tuple[Any, Any], Any] = {}
        """Simple messages read so far, by role and text."""
        self.taken_apart: dict[tuple[bytes, str], Any] = {}
        """What stands for a long text in the attributes of a trace's spans."""

    def digest(self, texts: tuple[str, ...]) -> bytes:
        """A digest of texts, each ended by a zero byte; worked out once a batch."""
        found = self._digests.get(texts)
        if found is None:
            found = self._digests[texts] = digest_of("\0".join([*texts, ""]).encode())
        return found

    def add(self, trace_id: bytes, text: str) -> bytes:
        """Keeps the text for this trace; returns its hash."""
        digest = self._hashes.get(text)
        if digest is None:
            digest = self._hashes[text] = hash_text(text)
        key = trace_id + digest
        if key not in self._kept:
            self._kept.add(key)
            self._trace_ids.append(trace_id)
            self._hash_column.append(digest)
            self._texts.append(text)
        return digest

    def keep(self, trace_id: bytes, digest: bytes, document: dict[str, Any]) -> None:
        """Keeps a document as JSON for this trace under a digest of its own, once."""
        key = trace_id + digest
        if key not in self._kept:
            self._kept.add(key)
            self._trace_ids.append(trace_id)
            self._hash_column.append(digest)
            self._texts.append(orjson.dumps(document).decode())

    def batch(self) -> pa.RecordBatch:
        """All texts, as rows of `content_open`."""
        return content_batch(self._trace_ids, self._hash_column, self._texts)
