"""How commands speak: one JSON document, or tables and sentences for people, on stdout; remarks on stderr.

Off a terminal nothing is coloured, cut or animated. rich is imported by what draws: the sidecar only speaks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

_WIDE = 10_000
"""Columns assumed off a terminal: a pipe cuts nothing."""


def console() -> Console:
    """Standard output, as wide as the terminal; content is never read as markup."""
    from rich.console import Console  # noqa: PLC0415  see above

    return Console(markup=False, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def write_json(document: object) -> None:
    """The one document of `--format json`."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_text(text: str) -> None:
    """Lines for people."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def remark(sentence: str) -> None:
    """A sentence beside the answer, on stderr, so that it never mixes with what a program reads."""
    sys.stderr.write(f"{sentence}\n")


def write_table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows under the headings of `columns` (key to heading); numbers to the right, an unknown value as a dash."""
    from rich.table import Table  # noqa: PLC0415  see above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in columns.items():
        numeric = any(isinstance(row.get(key), int | float) for row in rows)
        table.add_column(heading, justify="right" if numeric else "left", overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(row.get(key)) for key in columns))
    with_width = console()
    with_width.print(table, soft_wrap=False)


def cell(value: object) -> Text:
    """One value as people read it: unknown is a dash, control characters of somebody's text are made visible."""
    from rich.text import Text  # noqa: PLC0415  see above

    if value is None:
        return Text("-")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}")
    return Text("".join(letter if letter.isprintable() else "·" for letter in str(value)))


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere; advance its only task, number 0."""
    from rich.console import Console  # noqa: PLC0415  see above
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415  see above

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=not terminal, transient=True) as bar:
        bar.add_task(label, total=total)
        yield bar


@contextmanager
def countdown(label: str) -> Iterator[Callable[[int], None]]:
    """A progress bar fed with how much is left; the most there ever was is the whole."""
    most = 0
    with progress(label, None) as bar:

        def left(count: int) -> None:
            nonlocal most
            most = max(most, count)
            bar.update(bar.task_ids[0], total=most or None, completed=most - count)

        yield left
