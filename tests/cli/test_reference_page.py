"""docs/cli.md is what the commands say of themselves."""

from pathlib import Path

from whichstep_cli.app import COMMANDS
from whichstep_cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_every_option_on_the_page_has_a_sentence():
    empty = [line for line in reference().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert empty == []
    assert all(f"## whichstep {name}" in reference() for name in COMMANDS)
