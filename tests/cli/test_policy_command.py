"""`whichstep policy`, and the policy of `up`."""

import json
import subprocess
import sys

import httpx
import pytest

from sidecar_process import environment, sidecar_process
from whichstep.policy import Policy
from whichstep_cli.__main__ import main
from whichstep_cli.sidecar import load_settings, running_sidecar, settings_without_doors

GOOD = """
[[rule]]
id = "large refunds"
action = "issue_refund"
when = "amount > 100"
risk_level = "approve"
reviewers = ["ann", "ben"]
quorum = 2
[actions]
issue_refund = "log"
search = "auto"
"""
BAD = '[actions]\nsearch = "alow"\n"x[" = "log"\n'


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "policy.toml"
        file.write_text(text)
        return file

    return write


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


def test_check_says_that_a_policy_is_in_order(capsys, write):
    file = write(GOOD)
    code, out, _ = run(capsys, "policy", "check", file)
    assert (code, out.strip()) == (
        0,
        f"{file} is in order: 3 rules (1 auto, 1 log, 1 approve), all other actions approve, as nothing else is set",
    )


def test_check_tells_all_that_is_wrong_and_exits_1(capsys, write):
    file = write(BAD)
    code, out, _ = run(capsys, "policy", "check", file)
    assert code == 1
    assert out.splitlines() == [
        f"{file}, line 2, rule search: 'alow' is no risk level; use one of auto, log, approve, block",
        f"{file}, line 3, rule x[: action: 'x[' is no pattern: a [ is not closed; write a text, or a list of texts",
    ]
    code, out, _ = run(capsys, "policy", "check", file, "--format", "json")
    assert (code, [problem["line"] for problem in json.loads(out)["problems"]]) == (1, [2, 3])


def test_explain_names_the_rule_and_who_decides(capsys, write):
    file = write(GOOD)
    arguments = ("policy", "explain", "issue_refund", "--arguments", '{"amount": 250}', "--policy", file)
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "issue_refund: approve: it waits for a person" in out
    assert "rule large refunds" in out
    assert "2 of: ann, ben" in out
    code, out, _ = run(capsys, *arguments, "--format", "json")
    assert json.loads(out)["rule"] == "large refunds"


def test_explain_asks_the_sidecar_where_no_file_is_named(capsys, write, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with sidecar_process(tmp_path / "data", "--no-dashboard", "--policy", str(write(GOOD))) as sidecar:
        asked = ("policy", "explain", "issue_refund", "--arguments", '{"amount": 250}', "--endpoint", sidecar.http)
        code, out, err = run(capsys, *asked)
        assert (code, "rule large refunds" in out) == (0, True)
        assert f"by the policy of the sidecar at {sidecar.http}" in err
    with sidecar_process(tmp_path / "bare", "--no-dashboard") as sidecar:
        code, _, err = run(capsys, "policy", "explain", "x", "--endpoint", sidecar.http)
        assert (code, "has no policy" in err, "--policy" in err) == (2, True, True)


@pytest.mark.parametrize("arguments", ["{", "[1]"])
def test_arguments_that_are_no_object_are_a_usage_error(capsys, write, arguments):
    code, _, err = run(capsys, "policy", "explain", "x", "--arguments", arguments, "--policy", write(GOOD))
    assert (code, '{"amount": 250}' in err) == (2, True)


def test_a_policy_that_is_not_there_is_a_usage_error(capsys, tmp_path):
    code, _, err = run(capsys, "policy", "explain", "x", "--policy", tmp_path / "none.toml")
    assert (code, "none.toml: cannot be read" in err, "--policy" in err) == (2, True, True)


def test_up_with_a_bad_policy_ends_at_once_and_says_what_is_wrong(tmp_path, write):
    file = write(BAD)
    ports = ("--http-port", "0", "--grpc-port", "0", "--no-dashboard")
    command = [sys.executable, "-m", "whichstep_cli", "up", *ports, "--data-dir", tmp_path / "data", "--policy", file]
    done = subprocess.run(command, check=False, env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}, line 2, rule search: 'alow' is no risk level" in done.stderr


def test_a_sidecar_tells_agents_its_policy_and_commands_on_its_folder_judge_by_the_same(tmp_path, write, monkeypatch):
    data_dir, file = tmp_path / "data", write(GOOD)
    policy = Policy.load(file)
    arguments = {"data_dir": data_dir, "http_port": 0, "grpc_port": 0, "dashboard": False}

    def told(settings):
        with running_sidecar(settings) as running:
            return httpx.get(f"{running.addresses.http}/api/v1/policy", trust_env=False, timeout=10).json()

    answer = told(load_settings({**arguments, "policy": file}))
    assert Policy.from_dict(answer["policy"]).digest == answer["digest"] == policy.digest
    assert answer["rules"] == 3
    assert told(settings_without_doors(data_dir))["digest"] == policy.digest
    assert told(load_settings(arguments)) == {"policy": None, "digest": None, "rules": 0}
    assert told(settings_without_doors(data_dir))["digest"] is None
