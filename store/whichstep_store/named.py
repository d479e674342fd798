"""The named queries, `queries/NAME.sql`; `/* include PART */` stands for the text of `queries/parts/PART.sql`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

from whichstep_store.errors import StoreError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_INCLUDE: Final = re.compile(r"/\* include ([a-z0-9_]+) \*/")
_PARAMETER: Final = re.compile(r"\$([a-z_][a-z0-9_]*)")


def names() -> list[str]:
    """All named queries, sorted."""
    entries = (files("whichstep_store") / "queries").iterdir()
    return sorted(entry.name.removesuffix(".sql") for entry in entries if entry.name.endswith(".sql"))


@cache
def text(name: str, columns: tuple[str, ...] = ()) -> str:
    """The SQL of a named query with its parts in place, of these columns alone where some are named.

    Raises StoreError for a name that is none.
    """
    if not _NAME.fullmatch(name) or name not in names():
        raise StoreError(f"there is no query {name!r}; queries are {', '.join(names())}")
    if strange := [column for column in columns if not _NAME.fullmatch(column)]:
        raise StoreError(f"{strange[0]!r} is no column of a query")
    whole = _whole((files("whichstep_store") / "queries" / f"{name}.sql").read_text(encoding="utf-8"))
    return f"select {', '.join(columns)} from ({whole.strip().removesuffix(';')})" if columns else whole


@cache
def parameters(name: str) -> frozenset[str]:
    """Names of the parameters that a query binds."""
    code = re.sub(r"--[^\n]*", "", text(name))
    return frozenset(_PARAMETER.findall(code))


def _whole(sql: str) -> str:
    """The text with its parts, and theirs, in place."""
    parts = files("whichstep_store") / "queries" / "parts"
    return _INCLUDE.sub(lambda found: _whole((parts / f"{found[1]}.sql").read_text(encoding="utf-8")), sql)
