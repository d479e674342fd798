"""`POST /api/v1/expectations`: which tools are right for an execution or a task type, written before the answer.

A person's label: it comes before what the execution's own code expects, and stands for other runs of the same case.
Only a reviewer's token may write one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from whichstep_collector.answers import Answers, Document
from whichstep_collector.api_query import json_object
from whichstep_collector.refusals import BAD_REQUEST, NO_SUCH_THING, Refused
from whichstep_store.expectations import KEYS, check
from whichstep_store.store import Store

_SPOKEN_OF: Final = ("execution_id", "task_type")
_KEYS: Final = frozenset({*_SPOKEN_OF, *KEYS})
_EXPECTATION_BYTES_MAX: Final = 16_384


class Expectation(NamedTuple):
    """What was stated: of one of execution and task type."""

    execution_id: str | None
    task_type: str | None
    expectation: dict[str, Any]
    """As `whichstep.expect`; empty: nothing is expected any more."""


def parse_expectation(body: bytes) -> Expectation:
    """Read the request body.

    Raises:
        Refused: BAD_REQUEST with what is wrong.
    """
    document = json_object(body, _KEYS)
    execution_id, task_type = (document.pop(name, None) for name in _SPOKEN_OF)
    if (execution_id is None) == (task_type is None) or not isinstance(execution_id or task_type, str):
        raise Refused(BAD_REQUEST, 'give either "execution_id" or "task_type", as text')
    if len(orjson.dumps(document)) > _EXPECTATION_BYTES_MAX:
        raise Refused(BAD_REQUEST, f"an expectation has at most {_EXPECTATION_BYTES_MAX} bytes")
    wrong = check(document) if document else None
    if wrong is not None:
        raise Refused(BAD_REQUEST, wrong)
    return Expectation(execution_id, task_type, document)


def store_expectation(store: Store, answers: Answers, stated: Expectation, *, author: str) -> Document:
    """Write an expectation to the ledger and return it with its id.

    Raises:
        Refused: NO_SUCH_THING when there is no such execution.
    """
    execution_id = stated.execution_id
    if execution_id is not None:
        execution = answers.execution(execution_id)
        if execution is None:
            raise Refused(NO_SUCH_THING, "no such execution; it appears a few seconds after its spans")
        execution_id = str(execution["execution_id"])
    text = orjson.dumps(stated.expectation, option=orjson.OPT_SORT_KEYS).decode()
    expectation_id = store.ledger.add_expectation(
        expectation=text, execution_id=execution_id, task_type=stated.task_type, author=author
    )
    return {
        "expectation_id": expectation_id,
        "execution_id": execution_id,
        "task_type": stated.task_type,
        "expectation": stated.expectation,
    }
