"""What a process that receives OTLP sets once, at its start, before other threads.

pandas: the first `pyarrow.array` of a process imports it where it is installed, to recognise its types: 1.5 s of CPU
and 50 MB, paid by the first request. pyarrow asks once, so the answer is given here. Garbage: a request makes tens of
thousands of objects that live until it is journalled; at Python's defaults the collector walks all of them and every
module again and again, a sixth of the CPU of a span (benchmarks/collector/bench_normalise.py). Memory: a seal needs
some hundred MB for a second; Arrow's default allocator keeps them, jemalloc gives them back a second later.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

import pyarrow as pa

_YOUNG_OBJECTS: Final = 100_000
_KEEP_FREED_MS: Final = 1000
"""Long enough for a batch to be read into the pages of the one before. Given back at once, freed memory costs 8 instead
of 5 page faults a span over the whole path, 2 us each (benchmarks/end_to_end.py with 100,000 spans, 2026-11, 2 cores).
"""


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == "pandas":
            raise ImportError("pandas is kept out of this process")
        return None


def prepare_process() -> None:
    """Keeps pandas and freed memory out, collects garbage seldom; for the life of the process. Imports come before."""
    _keep_pandas_out()
    _return_freed_memory()
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else extension modules report at the end what was not taken down as leaks
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


def _return_freed_memory() -> None:
    """After loading and sealing 60,000 spans of 1.5 KB: 178 MB instead of 246."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(_KEEP_FREED_MS)


def _keep_pandas_out() -> None:
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
