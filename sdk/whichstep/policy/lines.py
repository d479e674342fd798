"""Where the tables and keys of a TOML file stand: its parser in the standard library does not tell.

Reads lines, not TOML: it knows headers, keys, comments, strings over several lines and brackets over several lines, as
much as is needed to name the right line for a text that the real parser has accepted.
"""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+)\s*(?:\.|=)""")
_TOKEN: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')
Place = tuple[str, int, str]
"""Table, which of several of that name (from 0), key; "" is the header itself, and the table at the top."""


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of each table header and each key in it."""
    places: dict[Place, int] = {}
    table, number, inside, depth = "", 0, "", 0
    counts: dict[str, int] = {}
    for line_number, line in enumerate(text.splitlines(), 1):
        if not inside and depth == 0:
            if header := _HEADER.fullmatch(line):
                table = _unquoted(header[2])
                number = counts[table] = counts.get(table, -1) + 1
                places[table, number, ""] = line_number
                continue
            if key := _KEY.match(line):
                places.setdefault((table, number, _unquoted(key[1])), line_number)
        inside, depth = _after(line, inside, depth)
    return places


def _after(line: str, inside: str, depth: int) -> tuple[str, int]:
    """Within which string over several lines, and in how many brackets, the line ends."""
    rest = line
    while rest:
        if inside:
            _, found, rest = rest.partition(inside)
            inside = "" if found else inside
            continue
        token = _TOKEN.search(rest)
        if token is None or token[0].startswith("#"):
            break
        if token[0] in {'"""', "'''"}:
            inside = token[0]
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        rest = rest[token.end() :]
    return inside, depth


def _unquoted(name: str) -> str:
    return name[1:-1] if name[:1] in {'"', "'"} else name
