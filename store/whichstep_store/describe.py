"""Writes docs/tables.md from the DDL: the public views with a sentence a column, then the tables behind them.

`make docs` writes it; a test keeps it current.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from typing import Final, NamedTuple

from whichstep_store import public_views, schema
from whichstep_store.store import Store

_VIEW_COLUMN: Final = re.compile(r"^ {4}(?:.* as )?(?:\w+\.)?(\w+),?  -- (.+)$", re.MULTILINE)
_TABLE_COLUMN: Final = re.compile(r"^ {4}(\w+) [^\n]*?(?:-- ([^\n]+))?$", re.MULTILINE)
_HEAD: Final = """# Tables and views

Generated from the DDL in `store/whichstep_store` by `make docs`; do not edit.

`whichstep sql` and `POST /api/v1/query` read the public views. Times are UTC to the nanosecond; ids are hex text.
Text columns are previews of at most 1 KiB; `step_content` has the whole.
"""


class Column(NamedTuple):
    """One column of a view or table."""

    name: str
    type: str
    sentence: str


def reference() -> str:
    """The text of docs/tables.md."""
    views, tables = _types()
    parts = [_HEAD, "## Public views\n"]
    parts += [_section(name, "views", _columns(name, "views", views[name])) for name in public_views.names()]
    parts.append("## Tables\n\nBehind the views; they may change with any release.\n")
    parts += [_section(name, "tables", _columns(name, "tables", tables[name])) for name in schema.ordered("tables")]
    return "\n".join(parts)


def sentences(name: str, folder: str) -> dict[str, str]:
    """What the DDL says of each column."""
    pattern = _VIEW_COLUMN if folder == "views" else _TABLE_COLUMN
    return {column: (text or "").strip() for column, text in pattern.findall(schema.ddl(folder, name))}


def _columns(name: str, folder: str, types: Mapping[str, str]) -> list[Column]:
    said = sentences(name, folder)
    return [Column(column, kind.lower(), said.get(column, "")) for column, kind in types.items()]


def _section(name: str, folder: str, columns: list[Column]) -> str:
    head = re.match(r"(?:-- [^\n]*\n)+", schema.ddl(folder, name))
    purpose = " ".join(line.removeprefix("-- ") for line in head[0].splitlines()) if head else ""
    lines = [f"### `{name}`\n", f"{purpose}\n", "| column | type | |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {column.type} | {column.sentence.replace('|', '&#124;')} |" for column in columns]
    return "\n".join(lines) + "\n"


def _types() -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Types of the columns as DuckDB has them: of views, of tables."""
    found: dict[str, dict[str, dict[str, str]]] = {public_views.SCHEMA: {}, "main": {}}
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        for row in store.reader.query("column_types").to_pylist():
            found[row["schema_name"]].setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    return found[public_views.SCHEMA], found["main"]
