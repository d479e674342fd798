"""What Python runs first in a program under `whichstep run`: this folder leads its PYTHONPATH for that.

Turns recording on, then runs the `sitecustomize` that Python would have run without us. Nothing in here may stop the
program; where its Python has no whichstep, one line says so.
"""

import importlib
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib costs the start of every process


def _begin() -> None:
    try:
        from whichstep.startup import begin  # noqa: PLC0415  it may be missing
    except ImportError:
        if os.environ.pop("WHICHSTEP_RUN", None):
            sys.stderr.write(
                f"whichstep run: {sys.executable} has no whichstep: the program runs, and nothing is recorded; "
                f"{sys.executable} -m pip install whichstep\n"
            )
        return
    begin()


def _run_the_next() -> None:
    """Import the `sitecustomize` that we stand in front of."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _FOLDER]  # noqa: PTH100
    ours = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


_begin()
_run_the_next()
