"""Arguments of actions on their way to a reviewer: bounded, in JSON, and bound to a digest over the whole of them.

Canonical form: JSON with sorted keys, without blanks, UTF-8. Objects that JSON does not know are described as when they
are recorded (`whichstep.values`): by their fields, else by their text, and two of one description have one digest.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from whichstep import values
from whichstep.redaction import Redactor

SENT_CHARACTERS_MAX: Final = 64 * 1024
"""Of the arguments in a request: more than a person can read, and far below what the sidecar accepts."""
_SHORTER: Final = (4096, 1024, 256, 64)


def digest(arguments: Mapping[str, Any]) -> str:
    """64 hex digits over the canonical form of all arguments, however long; never raises."""
    return hashlib.sha256(values.canonical_json(arguments).encode("utf-8", "surrogatepass")).hexdigest()


def sendable(arguments: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """The arguments in JSON's own types, without secrets, with long texts cut: 64 Ki characters at most."""
    plain = values.plain(arguments)
    for string_max in (None, *_SHORTER):
        shorter = plain if string_max is None else values.plain(plain, string_max=string_max)
        text = values.to_json(shorter)
        if len(text) <= SENT_CHARACTERS_MAX:
            read: dict[str, Any] = json.loads(redactor.text(text))
            return read
    return {name: values.bounded(value, characters_max=256).text for name, value in list(plain.items())[:100]}


def to_run(arguments: Mapping[str, Any], shown: Mapping[str, Any], edited: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as a person changed them: what was left as it was shown keeps its own value and object."""
    return {
        name: arguments[name] if name in arguments and name in shown and shown[name] == value else value
        for name, value in edited.items()
    }
