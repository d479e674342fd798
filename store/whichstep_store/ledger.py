"""What people and programs decide and nothing can compute again: evaluations, expectations, approvals, gates, tokens.

Owns `<data_dir>/ledger.sqlite`. A change is durable when the call returns. Each change gets the next sequence number of
its table, by which `mirror` brings it into DuckDB for the views. Any number of threads may call.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from whichstep_store.ledger_approvals import Approvals
from whichstep_store.ledger_deliveries import Deliveries
from whichstep_store.ledger_file import LedgerFile
from whichstep_store.ledger_judge import JudgeCalls

FILE_NAME: Final = "ledger.sqlite"
SCOPES: Final = ("ingest", "read", "review", "admin")
# Ledger table -> its key. The mirror is called `<singular>_rows` and has the same columns (but tokens have none).
MIRRORED: Final[Mapping[str, str]] = {
    "evaluations": "evaluation_id",
    "expectations": "expectation_id",
    "approvals": "approval_id",
    "gates": "gate_id",
}


class Token(NamedTuple):
    """What is kept of a token: never the token itself."""

    token_id: str
    name: str
    digest: bytes
    """SHA-256 of the token."""
    scopes: frozenset[str]


class Ledger:
    """The ledger of one data folder."""

    def __init__(
        self, path: Path, *, clock: Callable[[], int] = time.time_ns, on_change: Callable[[], None] = lambda: None
    ) -> None:
        """`clock` gives nanoseconds since the epoch; `on_change` is called after each change that views show."""
        self._clock = clock
        self._on_change = on_change
        self._file = LedgerFile(path)
        self.approvals = Approvals(self._file, clock=clock)
        self.deliveries = Deliveries(self._file)
        self.judge_calls = JudgeCalls(self._file)

    def add_evaluation(
        self,
        *,
        execution_id: str,
        name: str,
        source: str,
        step_id: str | None = None,
        score: float | None = None,
        label: str | None = None,
        explanation: str | None = None,
        author: str = "",
        trusted: bool | None = None,
        sampled_by: str | None = None,
        inclusion_probability: float | None = None,
    ) -> str:
        """Writes an evaluation and returns its id; the same author's earlier one of the same name is replaced.

        `execution_id` is 32 hex digits, `step_id` 16. `trusted` says that a reviewer's token came with it; unless
        said otherwise a HUMAN source does, because no other door lets one in.
        """
        values = {
            "execution_id": execution_id,
            "step_id": step_id,
            "name": name,
            "score": score,
            "label": label,
            "explanation": explanation,
            "source": source,
            "author": author,
            "trusted": source == "HUMAN" if trusted is None else trusted,
            "sampled_by": sampled_by,
            "inclusion_probability": inclusion_probability,
        }
        return self._write("evaluations", values, same=("execution_id", "step_id", "name", "source", "author"))

    def add_expectation(
        self, *, expectation: str, execution_id: str | None = None, task_type: str | None = None, author: str = ""
    ) -> str:
        """Writes ground truth, a JSON object, for one execution or for all of a task type; returns its id."""
        values = {
            "execution_id": execution_id,
            "task_type": task_type,
            "expectation": expectation,
            "author": author,
        }
        return self._write("expectations", values, same=("execution_id", "task_type", "author"))

    def replace_expectations(self, expectations: Mapping[str, str], *, author: str) -> None:
        """Makes these, JSON by task type, all that this author expects of task types; what is new or gone is changed.

        One that is gone stays as `{}`, which expects nothing.
        """
        select = "select task_type, expectation from expectations where author = ? and execution_id is null"
        held = {row["task_type"]: row["expectation"] for row in self._file.rows(select, [author])}
        for task_type, expectation in {**dict.fromkeys(held, "{}"), **expectations}.items():
            if held.get(task_type) != expectation:
                self.add_expectation(expectation=expectation, task_type=task_type, author=author)

    def changes(self, table: str, *, after: int) -> list[dict[str, object]]:
        """Rows of a mirrored table that changed after a sequence number, in the order of their changes."""
        if table not in MIRRORED:
            raise ValueError(f"{table} is not mirrored")
        return [
            dict(row) for row in self._file.rows(f"select * from {table} where sequence > ? order by sequence", [after])
        ]

    def add_token(self, name: str, scopes: Sequence[str]) -> str:
        """Makes a token that may do what the scopes say and returns it; it cannot be read again."""
        unknown = set(scopes) - set(SCOPES)
        if unknown or not scopes:
            raise ValueError(f"scopes are some of {', '.join(SCOPES)}")
        if {"ingest", "review"} <= set(scopes):
            raise ValueError("no token has both ingest and review: who asks for an approval does not give it")
        token = secrets.token_urlsafe(32)
        row = [secrets.token_hex(8), name, hashlib.sha256(token.encode()).digest(), " ".join(scopes), self._clock()]
        with self._file.changing() as change:
            change.execute(
                "insert into tokens (token_id, name, digest, scopes, created_at) values (?, ?, ?, ?, ?)", row
            )
        return token

    def revoke_token(self, token_id: str) -> bool:
        """Ends a token; False when there is none of that id."""
        with self._file.changing() as change:
            return change.execute("delete from tokens where token_id = ?", [token_id]).rowcount > 0

    def tokens(self) -> list[Token]:
        """Every token that is valid now."""
        rows = self._file.rows("select token_id, name, digest, scopes from tokens")
        return [Token(row["token_id"], row["name"], row["digest"], frozenset(row["scopes"].split())) for row in rows]

    def copy_to(self, path: Path) -> None:
        """Writes a consistent copy, whatever is written meanwhile."""
        self._file.copy_to(path)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, table: str, values: Mapping[str, object], *, same: Sequence[str]) -> str:
        """Inserts a row, or changes the one that has the same values in the columns `same`; the row's id."""
        key = MIRRORED[table]
        where = " and ".join(f"{name} is ?" for name in same)
        with self._file.changing() as change:
            known = change.execute(
                f"select {key}, created_at from {table} where {where}", [values[name] for name in same]
            ).fetchone()
            row = {
                **values,
                "sequence": change.next_sequence(table),
                key: known[0] if known else secrets.token_hex(8),
                "created_at": known["created_at"] if known else self._clock(),
            }
            names, marks = ", ".join(row), ", ".join("?" for _ in row)
            change.execute(f"insert or replace into {table} ({names}) values ({marks})", list(row.values()))
        self._on_change()
        return str(row[key])
