"""One text against a JSON Schema (library jsonschema, newest draft by default). Pure.

A text that is JSON is judged as what it says, or as the text that it is: one of both has to fit. References are looked
up within the schema only; nothing is ever fetched. Imported where a contract declares a schema: it costs 3 MiB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

_REASON_MAX: Final = 200


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a schema itself; None where nothing is."""
    try:
        validator_for(dict(schema), default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        return str(error.message)[:_REASON_MAX]
    return None


@lru_cache(maxsize=4096)
def misfit(schema: str, text: str) -> str | None:
    """Why a text does not fit a schema (JSON text): empty where it does, None where the schema is none."""
    validator = _validator(schema)
    if validator is None:
        return None
    try:
        error = _error(validator, _parsed(text))
        return "" if error is None or _error(validator, text) is None else _words(error)
    except Unresolvable as error:
        return f"the schema refers to {str(error)[:_REASON_MAX]}, which is not in it"


@lru_cache(maxsize=256)
def _validator(schema: str) -> Validator | None:
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    return None if schema_problem(read) else kind(read, registry=Registry())


def _error(validator: Validator, value: Any) -> ValidationError | None:
    return next(iter(validator.iter_errors(value)), None)


def _words(error: ValidationError) -> str:
    where = "/".join(str(part) for part in error.absolute_path)
    said = error.message if len(error.message) <= _REASON_MAX else f"{error.message[:_REASON_MAX]}…"
    return f"{said} at {where}" if where else said


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
