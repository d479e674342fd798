"""Writes the reference pages from the code that they describe; `--check` only says which are out of date."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
# page -> module whose `reference()` returns its text
PAGES = {
    "cli.md": "whichstep_cli.reference",
    "failing_step.md": "whichstep_analytics.failure.reference",
    "figures.md": "whichstep_analytics.metrics.reference",
    "metrics.md": "whichstep_collector.counters",
    "settings.md": "whichstep_collector.settings",
    "tables.md": "whichstep_store.describe",
}


def main() -> int:
    """Return 1 when `--check` found a page that is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    check = parser.parse_args().check
    stale = [page for page, module in PAGES.items() if _differs(DOCS / page, module)]
    for page in stale:
        if check:
            print(f"docs/{page} is out of date: run `make docs`", file=sys.stderr)
        else:
            (DOCS / page).write_text(_text(PAGES[page]), encoding="utf-8")
            print(f"docs/{page} written")
    return 1 if check and stale else 0


def _text(module: str) -> str:
    return str(importlib.import_module(module).reference())


def _differs(page: Path, module: str) -> bool:
    return not page.exists() or page.read_text(encoding="utf-8") != _text(module)


if __name__ == "__main__":
    sys.exit(main())
