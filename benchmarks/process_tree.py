"""Watches a process and its children from outside: CPU, memory, quiet; and kills them all."""

from __future__ import annotations

import contextlib
import time

import psutil

_QUIET: float = 0.03
"""Share of a core under which nothing is left to do."""


class ProcessTree:
    """A process with whatever children it has at the moment."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def processes(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """User and system CPU, children that ended included."""
        total = 0.0
        for process in self.processes():
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def pss_mib(self) -> float:
        return sum(process.memory_full_info().pss for process in self.processes()) / 2**20

    def await_quiet(self, timeout_seconds: float = 300) -> None:
        """Returns once the tree used next to nothing for two seconds: nothing is left to do."""
        deadline, quiet_since, last = time.perf_counter() + timeout_seconds, None, self.cpu_seconds()
        while time.perf_counter() < deadline:
            time.sleep(0.5)
            now = self.cpu_seconds()
            if now - last > _QUIET / 2:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.perf_counter()
            elif time.perf_counter() - quiet_since >= 2:
                return
            last = now
        raise TimeoutError(f"{self._root.name()} is still busy")

    def kill(self) -> None:
        """SIGKILL for all."""
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
