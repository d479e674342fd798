"""Questions to the judge in the ledger: what a day cost, and answers that need not be asked for again."""

from __future__ import annotations

from typing import NamedTuple

from whichstep_store.ledger_file import LedgerFile


class Spent(NamedTuple):
    """What questions cost."""

    calls: int
    cost_usd: float
    """Of those whose price is known."""
    unpriced_calls: int


class JudgeCalls:
    """The questions, answered or not. Any number of threads may call."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    def add(
        self,
        *,
        digest: str,
        model: str,
        called_at: int,
        answer: str | None,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_usd: float | None,
    ) -> None:
        """Writes a question down. `digest` is of prompt and model, `called_at` in nanoseconds since the epoch."""
        row = [digest, model, called_at, answer, input_tokens, output_tokens, cost_usd]
        with self._file.changing() as change:
            change.execute(
                "insert into judge_calls (digest, model, called_at, answer, input_tokens, output_tokens, cost_usd)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def answer(self, digest: str) -> str | None:
        """The latest answer to the question of that digest; None where there is none."""
        wanted = "select answer from judge_calls where digest = ? and answer is not null order by call_id desc limit 1"
        found = self._file.rows(wanted, [digest])
        return str(found[0]["answer"]) if found else None

    def spent(self, *, since: int) -> Spent:
        """What questions cost since then, in nanoseconds since the epoch."""
        wanted = (
            "select count(*), coalesce(sum(cost_usd), 0.0), count(*) filter (where cost_usd is null)"
            " from judge_calls where called_at >= ?"
        )
        return Spent(*self._file.rows(wanted, [since])[0])
