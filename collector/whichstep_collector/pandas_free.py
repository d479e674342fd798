"""Keeps pandas out of a process that converts nothing to it.

The first `pyarrow.array` of a process imports pandas where it is installed, to recognise its types: 1.5 s of CPU and
50 MB, paid by the first request. pyarrow asks once, so the answer is given here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == "pandas":
            raise ImportError("pandas is kept out of this process")
        return None


def keep_pandas_out() -> None:
    """Lets pyarrow find no pandas, for the life of the process. Call it at the start, before other threads."""
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
