"""`POST /api/v1/evaluations`: a statement about an execution or a step, written to the ledger before the answer.

HUMAN is believed only from a token that may review; it is also what such a token means when it says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from whichstep_collector.answers import Answers, Document
from whichstep_collector.api_query import json_object
from whichstep_collector.refusals import BAD_REQUEST, FORBIDDEN, NO_SUCH_THING, Refused
from whichstep_collector.tokens import REVIEW
from whichstep_store.store import Store

HUMAN, LLM, CODE = "HUMAN", "LLM", "CODE"
_SOURCES: Final = (HUMAN, LLM, CODE)
_TEXTS: Final = {
    "name": 200,
    "label": 200,
    "explanation": 16_384,
    "step_id": 16,
    "execution_id": 256,
    "sampled_by": 200,
}
_KEYS: Final = frozenset({*_TEXTS, "score", "source", "inclusion_probability"})


class Evaluation(NamedTuple):
    """What was stated."""

    execution_id: str
    step_id: str | None
    name: str
    score: float | None
    label: str | None
    explanation: str | None
    source: str
    sampled_by: str | None = None
    """How the execution was picked, where it was one of a sample."""
    inclusion_probability: float | None = None
    """The chance that it had to be picked: it stands for 1 / this many."""


def parse_evaluation(body: bytes, granted: frozenset[str]) -> Evaluation:
    """Read the request body, for a client with these scopes.

    Raises:
        Refused: BAD_REQUEST with what is wrong; FORBIDDEN for HUMAN without the right to review.
    """
    document = json_object(body, _KEYS)
    texts = {key: _text(document, key, length) for key, length in _TEXTS.items()}
    execution_id, name = texts["execution_id"], texts["name"]
    if not execution_id or not name:
        raise Refused(BAD_REQUEST, '"execution_id" and "name" are needed')
    score = _score(document)
    if score is None and not texts["label"] and not texts["explanation"]:
        raise Refused(BAD_REQUEST, 'an evaluation says something: give "score", "label" or "explanation"')
    return Evaluation(
        execution_id,
        texts["step_id"],
        name,
        score,
        texts["label"],
        texts["explanation"],
        _source(document, granted),
        texts["sampled_by"],
        _probability(document),
    )


def store_evaluation(store: Store, answers: Answers, evaluation: Evaluation, *, author: str) -> Document:
    """Write an evaluation to the ledger and return it with its id. `author`: whose token it came with, if with one.

    Raises:
        Refused: NO_SUCH_THING when there is no such execution or step.
    """
    execution = answers.execution(evaluation.execution_id)
    if execution is None:
        raise Refused(NO_SUCH_THING, "no such execution; it appears a few seconds after its spans")
    steps = [step["step_id"] for step in execution.get("steps", ())]
    if evaluation.step_id is not None and evaluation.step_id not in steps:
        raise Refused(NO_SUCH_THING, "the execution has no such step")
    stored = evaluation._replace(execution_id=str(execution["execution_id"]))
    evaluation_id = store.ledger.add_evaluation(**stored._asdict(), author=author)
    return {"evaluation_id": evaluation_id, **stored._asdict(), "author": author}


def _text(document: Mapping[str, Any], key: str, length_max: int) -> str | None:
    value = document.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > length_max):
        raise Refused(BAD_REQUEST, f'"{key}" is text of at most {length_max} characters')
    return value or None


def _score(document: Mapping[str, Any]) -> float | None:
    score = document.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise Refused(BAD_REQUEST, '"score" is a number')
    return float(score)


def _probability(document: Mapping[str, Any]) -> float | None:
    chance = document.get("inclusion_probability")
    if chance is None:
        return None
    if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 < chance <= 1:
        raise Refused(BAD_REQUEST, '"inclusion_probability" is a number above 0, at most 1')
    return float(chance)


def _source(document: Mapping[str, Any], granted: frozenset[str]) -> str:
    source = document.get("source")
    if source is None:
        return HUMAN if REVIEW in granted else CODE
    if source not in _SOURCES:
        raise Refused(BAD_REQUEST, f'"source" is one of {", ".join(_SOURCES)}')
    if source == HUMAN and REVIEW not in granted:
        raise Refused(FORBIDDEN, "HUMAN is believed only from a reviewer's token")
    return str(source)
