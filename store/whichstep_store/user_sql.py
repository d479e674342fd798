"""Decides whether a user's SQL may run: exactly one SELECT, over the public views, with functions that only compute.

DuckDB's own parser reads the text; this module walks the tree that it returns and refuses what it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from whichstep_store import access, public_views, schema
from whichstep_store.errors import SqlRefused

_NODES: Final = frozenset({
    "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE",
    "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT", "CTE",
    "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER",
    "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
})  # fmt: skip
_TABLE_FUNCTIONS: Final = frozenset({"unnest", "range", "generate_series"})
_CTE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# They tell of the server, or make values of any size out of nothing.
_REFUSED_FUNCTIONS: Final = re.compile(
    r"__internal.*|pg_(?!typeof).*|has_.*_privilege|pg_has_role|getenv|current_(?!date|time).*|getvariable|version"
    r"|in_search_path|user|session_user|txid_current|get_block_size|format_(pg_)?type|(col|obj|shobj)_description"
    r"|json_(de)?serialize_(plan|sql)|json_execute_.*|parse_duckdb_log_message|map_to_pg_oid"
    r"|repeat|lpad|rpad|range|generate_series|(list|array)_resize|read_.*|query|query_table"
)


def check(text: str) -> None:
    """Raises SqlRefused, saying why and what to do, unless the text is a query that users may run."""
    tree = json.loads(access.parse(text))
    if tree["error"]:
        raise SqlRefused(f"{tree['error_message']}; write one SELECT over {_views()}")
    if len(tree["statements"]) != 1:
        raise SqlRefused(f"{len(tree['statements'])} statements; write one SELECT")
    nodes = list(_nodes(tree["statements"][0]["node"]))
    names = _common_table_names(nodes)
    for node in nodes:
        _check_node(node, names)


def _check_node(node: Mapping[str, Any], common_tables: frozenset[str]) -> None:
    kind = node["type"] if isinstance(node.get("type"), str) else ""
    if node.get("class") in ("FUNCTION", "WINDOW"):
        _check_function(node)
    elif node.get("class") == "PARAMETER":
        raise SqlRefused("parameters are for named queries; write the value into the text")
    elif kind == "BASE_TABLE":
        _check_table(node, common_tables)
    elif kind == "TABLE_FUNCTION":
        _check_table_function(node)
    elif kind and "class" not in node and "kind" not in node and not _is_known(kind):
        raise SqlRefused(f"{kind.replace('_', ' ').lower()} is not available here; write one SELECT over {_views()}")


def _is_known(kind: str) -> bool:
    return kind in _NODES or kind.endswith("_TYPE_INFO")


def _check_table(node: Mapping[str, Any], common_tables: frozenset[str]) -> None:
    name = str(node["table_name"])
    qualified = node.get("schema_name") or node.get("catalog_name")
    if qualified or name.lower() not in common_tables | set(public_views.names()):
        raise SqlRefused(f"there is no view {name!r} here; views are {_views()}")


def _check_table_function(node: Mapping[str, Any]) -> None:
    name = str(node["function"].get("function_name", "")).lower()
    if name not in _TABLE_FUNCTIONS:
        raise SqlRefused(f"the table function {name} is not available here; views are {_views()}")


def _check_function(node: Mapping[str, Any]) -> None:
    name = str(node.get("function_name", "")).lower()
    if node.get("schema") not in ("", "main", None) or node.get("catalog"):  # 1.5 itself writes main.list_value
        raise SqlRefused(f"call {name} without a schema")
    if name not in _allowed_functions():
        raise SqlRefused(f"the function {name} is not available here; functions that only compute are")


@cache
def _allowed_functions() -> frozenset[str]:
    computing = {name for name in access.function_names() if not _REFUSED_FUNCTIONS.fullmatch(name)}
    return frozenset(computing | _TABLE_FUNCTIONS - {"range", "generate_series"})


def _common_table_names(nodes: list[Mapping[str, Any]]) -> frozenset[str]:
    """Names given by WITH. One that is a table of the store is refused: in another scope it would be that table."""
    found = {str(entry["key"]) for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())}
    found |= {str(node["cte_name"]) for node in nodes if node.get("cte_name")}
    for name in sorted(found):
        if not _CTE_NAME.fullmatch(name) or name.lower() in _taken_names():
            raise SqlRefused(f"WITH cannot be called {name!r} here; give it another name")
    return frozenset(name.lower() for name in found)


@cache
def _taken_names() -> frozenset[str]:
    sealed = {f"sealed_{kind}" for kind in ("spans", "content", "logs")}
    return frozenset({*schema.ordered("tables"), *schema.ordered("views"), *sealed})


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        # The function inside a table function is judged as a table function.
        yield tree
        skipped = "function" if tree.get("type") == "TABLE_FUNCTION" else None
        for key, value in tree.items():
            if key == skipped:
                for inner in ("children", "arguments"):
                    yield from _nodes(value.get(inner))
            else:
                yield from _nodes(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _nodes(item)


def _views() -> str:
    return ", ".join(public_views.names())
