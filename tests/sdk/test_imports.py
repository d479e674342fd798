"""Looking for modules without importing them, and hearing of an import, leave Python's imports as they were."""

import importlib
import inspect
import sys
import threading

import pytest

from whichstep import imports


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """A package with a namespace inside, and a namespace package with a part in each of two folders."""
    for path, text in {
        "one/shelf_package/__init__.py": "raise SystemExit('it was executed')",
        "one/shelf_package/inner/leaf.py": "",
        "one/shelf_namespace/left/__init__.py": "",
        "two/shelf_namespace/right/__init__.py": "",
        "one/shelf_module.py": "value = 1",
        "one/shelf_broken.py": "raise RuntimeError('theirs')",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    for folder in ("one", "two"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    yield
    for name in [name for name in sys.modules if name.startswith("shelf_")]:
        del sys.modules[name]
    for name in [name for name in imports._watch.callbacks if name.startswith("shelf_")]:
        del imports._watch.callbacks[name]
        imports._watch.done.discard(name)


def test_what_is_installed_is_found_without_executing_it(packages):
    assert imports.installed("shelf_package.inner.leaf")
    assert imports.installed("shelf_namespace.left")
    assert imports.installed("shelf_namespace.right")
    assert imports.installed("shelf_module")
    assert not imports.installed("shelf_package.inner.other")
    assert not imports.installed("shelf_module.leaf")
    assert not imports.installed("shelf_nowhere.leaf")
    assert not [name for name in sys.modules if name.startswith("shelf_")]


def test_a_watched_import_is_heard_at_its_end_and_changes_nothing_of_the_module(packages):
    heard = []
    imports.after_import(
        ["shelf_module"], lambda: heard.append((sys.modules["shelf_module"].value, imports.imported("shelf_module")))
    )
    assert not imports.imported("shelf_module")
    module = importlib.import_module("shelf_module")
    assert heard == [(1, True)]
    assert inspect.getsource(module).strip() == "value = 1"
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__.loader is module.__loader__


def test_an_import_that_fails_fails_as_it_did_and_is_not_heard(packages):
    heard = []
    imports.after_import(["shelf_broken", "shelf_missing"], lambda: heard.append(1))
    with pytest.raises(RuntimeError, match="theirs"):
        importlib.import_module("shelf_broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("shelf_missing")
    assert heard == []


def test_many_threads_that_import_the_same_module_get_it_once(packages):
    heard, modules = [], []
    imports.after_import(["shelf_module"], lambda: heard.append(1))
    threads = [
        threading.Thread(target=lambda: modules.append(importlib.import_module("shelf_module"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert heard == [1]
    assert len({id(module) for module in modules}) == 1
    assert len(modules) == 8
