"""Values that instrumentations write as Python shows them: read as data, never evaluated.

The text is parsed to a syntax tree, and the tree is read: literals as their values, calls such as
`ToolCall(name='a', id='1')` as objects with their keywords and `$type`. Everything else, and everything too long or too
deep, is None.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final

TYPE: Final = "$type"
_LENGTH_MAX: Final = 64 * 1024
_DEPTH_MAX: Final = 40
_ENUM: Final = re.compile(r"<\w+\.\w+: ('[^'<>]{0,64}'|\d{1,10})>")
"""`<ChatRole.USER: 'user'>`, of which the value is kept."""
_CONSTANTS: Final = (str, int, float, bool)

_OBJECT: Final = re.compile(r"<[^<>]{1,200} at 0x[0-9a-f]{1,16}>")


def is_object(value: Any) -> bool:
    """Whether a text is only Python's word for an object that has no other: a stream, a coroutine, an instance."""
    return isinstance(value, str) and value[:1] == "<" and _OBJECT.fullmatch(value) is not None


def read_python(said: Any) -> Any:
    """The value that a text of Python stands for; None for what is no text of literals and constructor calls."""
    if not isinstance(said, str) or len(said) > _LENGTH_MAX:
        return None
    try:
        tree = ast.parse(_ENUM.sub(r"\1", said), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return _value(tree.body, 0)


def read_literal(said: Any) -> Any:
    """The dict or list that a text of Python is; else the text itself."""
    if not isinstance(said, str) or said[:1] not in {"{", "[", "("}:
        return said
    found = read_python(said)
    return found if isinstance(found, (dict, list)) else said


def _value(node: ast.expr, depth: int) -> Any:  # noqa: PLR0911  (a form a line)
    if depth > _DEPTH_MAX:
        return None
    if isinstance(node, ast.Constant):
        return _clean(node.value)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_value(item, depth + 1) for item in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {str(_value(key, depth + 1)): _value(item, depth + 1) for key, item in pairs if key is not None}
    if isinstance(node, ast.Call):
        return _call(node, depth)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand, depth + 1)
        return -number if isinstance(number, (int, float)) else None
    return None


def _call(node: ast.Call, depth: int) -> dict[str, Any]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    fields = {pair.arg: _value(pair.value, depth + 1) for pair in node.keywords if pair.arg is not None}
    return {TYPE: name, **fields}


def _clean(value: Any) -> Any:
    """A constant that JSON can hold. A lone surrogate, which Python text may hold and UTF-8 may not, becomes `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if isinstance(value, _CONSTANTS) else None
