"""What is installed, found without importing it; and a call when a module was imported, or a function was called.

Standard library only. A watched module is imported by the finders it always had: only the end of its execution is
noticed. What a callback raises is its own affair and must be caught there.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

logger: Final = logging.getLogger("whichstep")


def installed(module: str) -> bool:
    """Whether a dotted module can be imported; parents are looked into, not executed."""
    if module in sys.modules:
        return sys.modules[module] is not None
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        if not parts:
            return spec is not None
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        return _is_below(folders, top, parts)
    except (ImportError, ValueError, AttributeError):
        return False


def _is_below(folders: list[str], parent: str, parts: Sequence[str]) -> bool:
    name = f"{parent}.{parts[0]}"
    finders = (finder for folder in folders if (finder := pkgutil.get_importer(folder)) is not None)
    specs = [spec for finder in finders if (spec := finder.find_spec(name)) is not None]
    if len(parts) == 1 or not specs:
        return bool(specs)
    # A namespace package has a part in each of several folders.
    below = [inner for spec in specs for inner in spec.submodule_search_locations or ()]
    return _is_below(below, name, parts[1:])


def imported(module: str) -> bool:
    """Whether the module has been executed to its end."""
    if module in _watch.done:
        return True
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return module in sys.modules and not getattr(spec, "_initializing", False)


def is_loading(module: str) -> bool:
    """Whether the module has been imported, or is being imported."""
    return module in sys.modules


def after_import(modules: Iterable[str], callback: Callable[[], None]) -> None:
    """Call back each time one of the modules has been imported, from the thread that imported it."""
    if _watch not in sys.meta_path:
        sys.meta_path.insert(0, _watch)
    for module in modules:
        _watch.callbacks[module] = callback


def after_call(module: Any, function: str, callback: Callable[[], object]) -> None:
    """Have each call of a module's function followed by the callback, which must not raise into it."""
    original = getattr(module, function, None)
    if original is None:
        return

    @functools.wraps(original)
    def call(*arguments: Any, **options: Any) -> Any:
        answer = original(*arguments, **options)
        try:
            callback()
        except Exception:  # the outermost edge: never into the host
            logger.exception("whichstep could not follow a call of %s", function)
        return answer

    setattr(module, function, call)


class Watch:
    """A finder that finds nothing by itself: it has the module's own loader say when it is done."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[[], None]] = {}
        self.done: set[str] = set()
        """Executed to their end: importlib itself says so a moment after the callback only."""
        self._asking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders have for a watched module; None, so that they are asked, for any other."""
        if fullname not in self.callbacks or getattr(self._asking, "name", None) == fullname:
            return None
        self._asking.name = fullname
        try:
            spec = self._others(fullname, path, target)
        finally:
            self._asking.name = None
        if spec is not None and spec.loader is not None:
            self._say_when_done(spec.loader, fullname)
        return spec

    def _others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        finders = (finder.find_spec for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        return next((spec for find in finders if (spec := find(fullname, path, target)) is not None), None)

    def _say_when_done(self, loader: Any, fullname: str) -> None:
        """Wrap the loader's `exec_module` for this one module; a loader that takes no attributes is left alone."""
        original = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            original(module)
            if module.__name__ == fullname:
                self.done.add(fullname)
                self.callbacks[fullname]()

        with contextlib.suppress(AttributeError):
            loader.exec_module = exec_module


_watch: Final = Watch()
