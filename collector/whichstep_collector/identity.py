"""Execution ids: 32 hex digits as they are, anything else hashed and kept beside the hash."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from whichstep_collector.coerce import text

_HEX: Final = re.compile(r"[0-9a-fA-F]{32}")


class ExecutionKey(NamedTuple):
    """16 bytes, and the id as the user wrote it where the bytes are its hash."""

    key: bytes | None
    external_id: str | None


def execution_key(value: Any) -> ExecutionKey:
    """The key of an execution id as sent; nothing for what is no id."""
    said = text(value)
    if said is None:
        return ExecutionKey(None, None)
    if _HEX.fullmatch(said):
        return ExecutionKey(bytes.fromhex(said), None)
    return ExecutionKey(blake2b(said.encode(), digest_size=16).digest(), said)
