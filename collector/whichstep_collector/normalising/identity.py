"""Execution ids: 32 hex digits as they are, anything else hashed and kept beside the hash."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from whichstep.attributes import execution_id_of
from whichstep_collector.normalising.coerce import text


class ExecutionKey(NamedTuple):
    """16 bytes, and the id as the user wrote it where that is not simply their hex digits."""

    key: bytes | None
    external_id: str | None


def run_key(kind: str, run_id: str) -> bytes:
    """The key of a framework's own run id: 16 bytes, apart from those of other kinds of id."""
    return sha256(f"{kind}\0{run_id}".encode()).digest()[:16]


def execution_key(value: Any) -> ExecutionKey:
    """The key of an execution id as sent; nothing for what is no id."""
    said = text(value)
    if said is None:
        return ExecutionKey(None, None)
    digits = execution_id_of(said)
    return ExecutionKey(bytes.fromhex(digits), None if said.lower() == digits else said)
