"""Arguments that a reviewer edited, against the JSON Schema of the tool (library jsonschema). Pure; fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import jsonschema
import referencing
import referencing.exceptions

_NOWHERE: Final = referencing.Registry()
_WORDS_MAX: Final = 300


def misfit(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Where and why the arguments do not fit; None where they do. A schema that is none binds nobody."""
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
        wrong = next(iter(kind(schema, registry=_NOWHERE).iter_errors(arguments)), None)
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, RecursionError, re.error):
        return None
    if wrong is None:
        return None
    where = "".join(f"[{part!r}]" for part in wrong.absolute_path)
    return f"arguments{where}: {wrong.message[:_WORDS_MAX]}"
