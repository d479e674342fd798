"""The command as a user meets it: real processes, real exit codes."""

import json
import re
import subprocess
import sys

import pytest

from whichstep_cli.__main__ import main
from whichstep_cli.app import COMMANDS, load


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "whichstep_cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "120", **environment},
    )


def exit_code(*arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


def test_help_lists_every_command_with_the_first_line_of_its_own_help():
    listed = run("--help").stdout
    for name, entry in COMMANDS.items():
        assert name in listed
        own = load(name).help.replace("\n", " ")
        assert own.startswith(entry.summary.rstrip(".")), name


def test_help_imports_no_database_no_frames_and_no_agent_framework():
    code = (
        "import sys\nfrom whichstep_cli.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'duckdb', 'polars', 'pyarrow', 'grpc', 'streamlit', 'langgraph', 'httpx', 'uvicorn'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & sys.modules.keys())))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stderr == ""


def test_a_base_install_says_how_to_get_the_command_and_exits_2():
    blocked = "import sys\nsys.modules['duckdb'] = None\n"
    code = blocked + "from whichstep_cli.__main__ import main\nmain(['metrics'])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 2
    assert "pip install 'whichstep[server]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_without_a_sidecar_a_reading_command_says_what_to_do_and_exits_4(capsys):
    assert exit_code("metrics", "--endpoint", "http://127.0.0.1:9") == 4
    said = capsys.readouterr()
    assert "cannot reach the sidecar at http://127.0.0.1:9" in said.err
    assert "whichstep up" in said.err
    assert said.out == ""


def test_a_misspelt_command_is_a_usage_error_with_a_suggestion():
    found = run("metrcs")
    assert found.returncode == 2
    assert "metrics" in found.stderr


def test_a_time_that_is_none_is_a_usage_error_before_anything_is_asked(capsys):
    assert exit_code("executions", "list", "--since", "yesterday", "--endpoint", "http://127.0.0.1:9") == 2
    assert "'yesterday' is no time" in capsys.readouterr().err


def test_an_evaluation_that_says_nothing_is_a_usage_error(capsys):
    assert exit_code("evaluate", "a" * 32, "--name", "helpful") == 2
    assert "--score" in capsys.readouterr().err


def test_a_missing_data_folder_is_not_made_by_reading_it(tmp_path, capsys):
    assert exit_code("metrics", "--data-dir", str(tmp_path / "none")) == 4
    assert not (tmp_path / "none").exists()
    assert "there is no such folder" in capsys.readouterr().err


def test_settings_are_shown_with_their_source_and_secrets_are_not():
    found = run("--print-settings", WHICHSTEP_TOKEN="s3cr3t-t0ken", WHICHSTEP_RETENTION_DAYS="7")
    assert found.returncode == 0
    assert "s3cr3t-t0ken" not in found.stdout
    line = next(line for line in found.stdout.splitlines() if line.startswith("WHICHSTEP_RETENTION_DAYS"))
    assert line.split() == ["WHICHSTEP_RETENTION_DAYS", "7", "days", "WHICHSTEP_RETENTION_DAYS"]


def test_a_setting_that_does_not_fit_is_named_with_its_variable():
    found = run("--print-settings", WHICHSTEP_HTTP_PORT="many")
    assert found.returncode == 2
    assert "WHICHSTEP_HTTP_PORT" in found.stderr


def test_the_version_is_one_line():
    assert re.match(r"whichstep \d+\.\d+", run("--version").stdout)


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ("up", "run", "demo", "import", "export", "evaluate")]
)
def test_reading_commands_offer_json(name):
    command = load(name)
    commands = getattr(command, "commands", {name: command}).values()
    for item in commands:
        formats = [option for option in item.params if option.name == "format"]
        assert formats or name in ("backup", "verify", "rebuild"), item.name
    json.dumps(sorted(COMMANDS))
