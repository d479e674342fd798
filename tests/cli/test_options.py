"""The options that every command shares."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from whichstep_cli.app import COMMANDS, load
from whichstep_cli.errors import UsageError
from whichstep_cli.options import ExecutionFilterOptions, FilterOptions, takes_options
from whichstep_store.filters import FILTER_NAMES


@dataclass(frozen=True)
class Colour:
    shade: Annotated[str, typer.Option(help="A shade.")] = "light"


def test_a_dataclass_of_options_becomes_options_and_arrives_filled_in():
    app, seen = typer.Typer(), []

    @app.command()
    @takes_options
    def paint(colour: Colour, coats: Annotated[int, typer.Option()] = 1) -> None:
        """Paint."""
        seen.append((colour, coats))

    assert CliRunner().invoke(app, ["--shade", "dark", "--coats", "2"]).exit_code == 0
    assert seen == [(Colour("dark"), 2)]


def test_every_filter_of_the_store_is_an_option_and_back():
    assert set(ExecutionFilterOptions.__dataclass_fields__) == set(FILTER_NAMES)


def test_filters_become_query_pairs_in_their_order_and_repeat():
    options = ExecutionFilterOptions(since="7d", release=["1", "2"], purpose=["all"], query="refund")
    assert options.pairs() == [
        ("since", "7d"),
        ("release", "1"),
        ("release", "2"),
        ("purpose", "all"),
        ("query", "refund"),
    ]


def test_a_filter_that_cannot_be_understood_is_a_usage_error():
    with pytest.raises(UsageError, match="no time"):
        FilterOptions(since="soon").pairs()
    with pytest.raises(UsageError, match="maybe"):
        ExecutionFilterOptions(success=["maybe"]).pairs()


def test_filters_have_the_same_names_and_help_on_every_command_that_has_them():
    """Not `up`, `run`, `policy explain`, `expect`: what they take by these names is said of themselves, not looked for."""
    seen = {}
    for name in COMMANDS.keys() - {"up", "run"}:
        command = load(name)
        for item in getattr(command, "commands", {name: command}).values():
            if (name, item.name) in {("policy", "explain"), ("expect", "expect")}:
                continue
            for option in item.params:
                if option.name in (*FILTER_NAMES, "endpoint", "data_dir"):
                    seen.setdefault(option.name, set()).add((*option.opts, option.help))
    seen.pop("query", None)  # also the argument of sql
    assert {name for name, forms in seen.items() if len(forms) > 1} <= {"data_dir"}
