"""The public views: what users' SQL may read. They live in the schema `public`, apart from the tables."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from whichstep_store import schema
from whichstep_store.access import Session

SCHEMA: Final = "public"
_HEAD: Final = re.compile(r"\A(?:--[^\n]*\n)*create or replace view public\.(\w+) as\n")


@cache
def names() -> tuple[str, ...]:
    """All public views, in the order of the documentation."""
    return tuple(schema.ordered("views"))


def define(session: Session) -> None:
    """Creates the views, or replaces those that an older build made."""
    session.execute(f"create schema if not exists {SCHEMA}")
    for name in names():
        session.execute(schema.ddl("views", name))


def body(name: str) -> str:
    """The query of a view, for reads that put something narrower in the place of a table."""
    text = schema.ddl("views", name)
    head = _HEAD.match(text)
    if head is None or head[1] != name:
        raise ValueError(f"views/{name}.sql does not begin with `create or replace view public.{name} as`")
    return text[head.end() :].rstrip().removesuffix(";")
