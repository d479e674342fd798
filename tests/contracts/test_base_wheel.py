"""What `pip install whichstep` brings: OpenTelemetry and nothing heavy. The wheel is built and installed alone."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("base_wheel")  # built and installed once
ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("grpc", "duckdb", "pyarrow", "polars", "streamlit")
PROGRAM = f"""
import sys, whichstep
with whichstep.task("t"), whichstep.llm("m") as call:
    call.output("x")
whichstep.evaluate(name="e", score=1, execution_id="x")
whichstep.flush(1)
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def _environment(tmp_path):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "WHICHSTEP_", "PYTHON"))}
    return {**kept, "WHICHSTEP_SPOOL_DIR": "off", "WHICHSTEP_ENDPOINT": "http://127.0.0.1:9"}


def test_importing_and_using_the_sdk_loads_nothing_of_the_server(tmp_path):
    """In this environment everything is installed; still nothing heavy is loaded."""
    environment = {**_environment(tmp_path), "PYTHONPATH": str(ROOT / "sdk")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_importing_whichstep_alone_loads_not_even_opentelemetry():
    program = "import sys, whichstep; print([m for m in sys.modules if m.split('.')[0] in ('opentelemetry', 'google')])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "sdk")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def base_install(tmp_path_factory):
    """A fresh virtual environment with the base wheel; skipped where no package index can be reached."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    scripts = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    installed = subprocess.run(install, capture_output=True, text=True, timeout=150, check=False)
    if installed.returncode != 0 and "No matching distribution" in installed.stderr:
        pytest.skip("no package index here")
    assert installed.returncode == 0, installed.stderr
    return scripts


def test_the_base_wheel_holds_opentelemetry_and_nothing_heavy(base_install, tmp_path):
    listed = subprocess.run(
        [str(base_install / "python"), "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    ).stdout.lower()  # fmt: skip
    for name in (*HEAVY, "grpcio", "pandas", "numpy"):
        assert f"\n{name}==" not in f"\n{listed}", name
    done = subprocess.run(
        [str(base_install / "python"), "-c", PROGRAM],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_the_command_of_a_base_install_says_how_to_get_the_server(base_install, tmp_path):
    done = subprocess.run([str(base_install / "whichstep"), "up"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "whichstep[server]" in done.stdout + done.stderr


def test_the_base_install_alone_runs_a_program_and_says_what_it_records(base_install, tmp_path):
    for command in (["whichstep", "run"], ["python", "-m", "whichstep.run"]):
        done = subprocess.run(
            [str(base_install / command[0]), *command[1:], "--", str(base_install / "python"), "-c", "print('done')"],
            env=_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
        assert done.stderr == "whichstep run: found no framework that it can record\n"


def test_the_fixture_for_tests_is_found_by_pytest(base_install):
    program = "from importlib.metadata import entry_points as e; print([p.value for p in e(group='pytest11')])"
    done = subprocess.run([str(base_install / "python"), "-c", program], capture_output=True, text=True, check=True)
    assert "whichstep.testing" in done.stdout
