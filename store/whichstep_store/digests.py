"""Digests that tell values apart, wherever they are compared: 16 bytes of SHA-256."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson


def digest_of(data: bytes) -> bytes:
    """16 bytes that tell things apart: SHA-256, cut. With SHA instructions it costs half of the texts' BLAKE2b."""
    return sha256(data).digest()[:16]


def digest_of_value(value: Any) -> bytes:
    """A digest of canonical JSON: keys sorted, no spaces."""
    try:
        text = orjson.dumps(value, default=repr, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number past 64 bits
        text = repr(value).encode()
    return digest_of(text)
