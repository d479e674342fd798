"""Runs a function in a process of its own, which may die on the way. Processes are forked from one that has imported
the store and done nothing else, so that each costs milliseconds.
"""

from __future__ import annotations

import multiprocessing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pyarrow.compute", "duckdb", "whichstep_store.store"])


def run_apart(function, *arguments):
    """The exit code of the process; negative when a signal ended it."""
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode
