"""`whichstep workflow` on files."""

import json

import pytest

from whichstep.contract import parse
from whichstep_cli.__main__ import main

CONTRACT = 'name = "support"\nlevel = 3\n[steps.model]\nnext = ["tools", "end"]\n[steps.tools]\ntools = ["look*"]\nnext = "model"\n'


def exit_code(*arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "support.toml"
    path.write_text(CONTRACT)
    return str(path)


def test_show_says_what_a_contract_allows_in_each_form(file, capsys):
    assert exit_code("workflow", "show", file) == 0
    assert "model → tools, end" in capsys.readouterr().out
    assert exit_code("workflow", "show", file, "--format", "mermaid") == 0
    assert capsys.readouterr().out.startswith("flowchart TD")
    assert exit_code("workflow", "show", file, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["digest"] == parse(CONTRACT).digest
    assert exit_code("workflow", "show", file, "--format", "toml") == 0
    assert parse(capsys.readouterr().out) == parse(CONTRACT)


def test_a_wrong_contract_is_wrong_usage_with_the_line(tmp_path, capsys):
    path = tmp_path / "wrong.toml"
    path.write_text(CONTRACT + "nxt = 1\n")
    assert exit_code("workflow", "show", str(path)) == 2
    assert "wrong.toml, line 8: unknown key 'nxt'; did you mean next?" in capsys.readouterr().err


def test_the_sample_contract_can_be_read_and_says_what_the_sample_agents_may_do():
    from whichstep_cli.contracts import read_contract
    from whichstep_cli.demo.held import CONTRACTS

    (file,) = CONTRACTS.glob("*.toml")
    contract = read_contract(file)
    assert (contract.name, contract.level) == ("support_agent", 3)
    assert "issue_refund" in contract.step("answer").tools
