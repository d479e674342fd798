"""The process that `whichstep up` becomes, and how: `python -m whichstep_cli.up_process ORDER`, under the same id.

What stays has none of the command line's libraries: typer, pydantic and rich would hold 12 MiB for as long as the
sidecar lives. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

from whichstep_cli.exits import exit_codes

# Arrow asks when it is imported: the pool that `prepare_process` changes to, or the first one keeps 4 MiB.
_ARROW: Final = {"ARROW_DEFAULT_MEMORY_POOL": "jemalloc"} if sys.platform == "linux" else {}


def become(arguments: Mapping[str, object], *, as_json: bool) -> NoReturn:
    """Go on as the sidecar of these arguments, in the place of this program; secrets come from the environment alone.

    `arguments`: settings by name, None where not given. `as_json`: it says its addresses as JSON.
    """
    order = json.dumps({"arguments": arguments, "as_json": as_json}, default=str)
    sys.stdout.flush()
    # -P: no module in the folder of whoever starts it stands in for one of ours.
    words = [sys.executable, "-P", "-m", "whichstep_cli.up_process", order]
    os.execve(sys.executable, words, {**_ARROW, **os.environ})  # noqa: S606 (ourselves)


def main() -> None:
    """Run the sidecar of the order."""
    with exit_codes():
        from whichstep_cli.serving import run  # noqa: PLC0415  Ctrl-C may end what takes a second

        run(**json.loads(sys.argv[1]))


if __name__ == "__main__":
    main()
