"""Cells of a CSV that pandas wrote: lists and dictionaries stand in it as Python's own text. Read, never evaluated.

The text is parsed to a syntax tree; times, arrays and numpy's scalars in it are replaced by what a literal can say, and
what holds anything else is left as the text that it is.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from whichstep_cli.imports.values import parsed

_LENGTH_MAX: Final = 8 << 20
_UTC: Final = ("datetime.timezone.utc", "tzutc()", "UTC")
_NOTHING: Final = ("nan", "NaT")
_ODD: Final = (
    ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, OSError, RecursionError, MemoryError,
)  # fmt: skip


def cell(value: Any) -> Any:
    """The list or dictionary that a text is, as JSON or as Python writes it; any other value as it is."""
    found = parsed(value)
    if not isinstance(found, str) or len(found) > _LENGTH_MAX or found[:1] not in ("[", "{"):
        return found
    # between the dictionaries of an array numpy writes a line's end, which no text within them holds unescaped
    listed = found.replace("}\n {", "}, {")
    try:
        with warnings.catch_warnings(action="ignore"):  # an odd escape is no matter of the user
            return ast.literal_eval(_Plain().visit(ast.parse(listed, mode="eval")))
    except _ODD:
        return value


class _Plain(ast.NodeTransformer):
    """Replaces what is no literal by one. Where it cannot, `literal_eval` refuses the whole."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`datetime.datetime(2026, 11, 20, …)`, `Timestamp('2026-11-20 10:00:00+0000', tz='UTC')`, `array([…])`."""
        read = _CALLS.get(_name(node.func))
        return self.visit(read(node)) if read is not None else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """`nan` and `NaT` say that there is no value."""
        return ast.Constant(None) if node.id in _NOTHING else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`np.True_`."""
        return ast.Constant(node.attr == "True_") if node.attr in ("True_", "False_") else node


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _inner(node: ast.Call) -> ast.expr:
    return node.args[0]


def _moment(node: ast.Call) -> ast.expr:
    parts = [ast.literal_eval(part) for part in node.args]
    named = {pair.arg: pair.value for pair in node.keywords}
    zone = _zone(named["tzinfo"]) if "tzinfo" in named else UTC
    fold = ast.literal_eval(named["fold"]) if "fold" in named else 0
    return ast.Constant(datetime(*parts).replace(tzinfo=zone, fold=fold).isoformat())  # noqa: DTZ001 (set beside it)


def _zone(node: ast.expr) -> tzinfo:
    said = ast.unparse(node)
    if said in _UTC:
        return UTC
    given = {pair.arg: pair.value for pair in node.keywords} if isinstance(node, ast.Call) else {}
    if _name(getattr(node, "func", node)) == "ZoneInfo":
        return ZoneInfo(ast.literal_eval(given["key"]))
    if said.startswith("datetime.timezone(") and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Call):
        return timezone(timedelta(**{str(pair.arg): ast.literal_eval(pair.value) for pair in node.args[0].keywords}))
    raise ValueError(f"no zone that is known: {said}")


_SCALARS: Final = ("str_", "bool_", "float64", "float32", "int64", "int32", "uint64", "uint32", "datetime64")
_CALLS: Final[dict[str, Callable[[ast.Call], ast.expr]]] = {
    "datetime": _moment,
    **dict.fromkeys(("Timestamp", "array", *_SCALARS), _inner),  # a Timestamp's text has the offset in it
}
