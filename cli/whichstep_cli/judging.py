"""The judge of a sidecar, where the settings name one: asked by the API and, unless told not to, at work by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from whichstep_analytics.answers import Answers
from whichstep_collector.counters import Counters
from whichstep_collector.job_thread import JobThread
from whichstep_collector.settings import Settings
from whichstep_store.store import Store

if TYPE_CHECKING:
    from whichstep_analytics.judge.judge import Judge

_STOP_SECONDS: Final = 2.0


@contextmanager
def judging(settings: Settings, store: Store, answers: Answers, counters: Counters) -> Iterator[Judge | None]:
    """The judge for the block, at work by itself where the settings say so; None where they name none."""
    if settings.judge_endpoint is None or settings.judge_model is None:
        yield None
        return
    from whichstep_analytics.judge.endpoint import ChatModel  # noqa: PLC0415  few have a judge, whose libraries cost 5 MiB
    from whichstep_analytics.judge.judge import Budget, Judge  # noqa: PLC0415  see above

    model = ChatModel(
        settings.judge_endpoint,
        settings.judge_model,
        api_key=settings.judge_api_key,
        timeout_seconds=settings.judge_timeout_seconds,
    )
    budget = Budget(calls=settings.judge_calls_per_day, usd=settings.judge_usd_per_day)
    judge = Judge(store, answers, model, budget=budget)
    thread = JobThread(judge.tick, counters=counters)
    if settings.judge_automatic:
        thread.start()
    try:
        yield judge
    finally:
        model.close()
        if settings.judge_automatic:
            thread.stop(timeout_seconds=_STOP_SECONDS)
