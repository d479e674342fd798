"""`python -m whichstep.run -- PROGRAM`: what the program keeps of its own, and what is said. Processes, all of them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
AN_AGENT = """
from opentelemetry import trace
import autogen_core
with trace.get_tracer("autogen-core").start_as_current_span("execute_tool lookup_order"): pass
"""


@pytest.fixture
def run(tmp_path):
    def run(*command, **options):
        variables = options.pop("variables", {})
        return subprocess.run(
            [PYTHON, "-m", "whichstep.run", *command],
            env={**clean(), "WHICHSTEP_SPOOL_DIR": str(tmp_path / "spool"), **variables},
            capture_output=True, text=True, timeout=60, check=False, **options,
        )  # fmt: skip

    return run


def clean():
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "WHICHSTEP_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(ROOT / "sdk")}


def test_exit_code_arguments_and_standard_input_are_the_programs_own(run, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(17)")
    done = run("--", PYTHON, str(program), "--service", "x", "--", "-m", input="hello")
    assert (done.returncode, done.stdout) == (17, "['--service', 'x', '--', '-m'] hello\n")
    assert done.stderr.count("\n") == 1


def test_a_file_and_a_module_run_with_this_python(run, tmp_path):
    (tmp_path / "program.py").write_text("import sys; print(__name__, sys.argv[1:])")
    assert run(str(tmp_path / "program.py"), "a").stdout == "__main__ ['a']\n"
    assert run("-m", "program", "b", cwd=tmp_path).stdout == "__main__ ['b']\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_signals_reach_the_program_itself(tmp_path):
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)"
    )
    command = [PYTHON, "-m", "whichstep.run", "--", PYTHON, "-c", program]
    with subprocess.Popen(
        command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 5


def test_a_program_that_does_not_exist_is_127_and_none_at_all_is_a_usage_error(run):
    assert run("--", "no-such-program").returncode == 127
    assert run().returncode == 2


def test_a_program_without_a_framework_loads_nothing_of_opentelemetry(run):
    done = run("--", PYTHON, "-c", "import sys; print([m for m in sys.modules if m.startswith('opentelemetry')])")
    assert done.stdout == "[]\n"


def test_a_sitecustomize_of_the_users_own_still_runs_and_ours_is_out_of_the_way(run, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = 1")
    done = run(
        "--", PYTHON, "-c", "import sitecustomize, sys; print(theirs, sitecustomize.__file__, 'startup_hook' in str(sys.path))",
        variables={"PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), str(tmp_path)])},
    )  # fmt: skip
    assert done.stdout == f"1 {tmp_path / 'sitecustomize.py'} False\n"


def test_child_processes_are_recorded_too_and_only_the_first_process_speaks(run, sidecar):
    program = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {AN_AGENT!r}]))"
    done = run("--endpoint", sidecar.endpoint, "--", PYTHON, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("whichstep run:") == 1
    assert [span["name"] for span in sidecar.spans] == ["execute_tool lookup_order"]


def test_without_a_sidecar_the_program_runs_and_one_line_says_so(run):
    done = run("--endpoint", "http://127.0.0.1:9", "--", PYTHON, "-c", AN_AGENT + "print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    records, away = done.stderr.splitlines()
    assert records.startswith("whichstep run: records ")
    assert "cannot reach the sidecar at http://127.0.0.1:9" in away
    assert "spool" in away


def test_a_python_without_whichstep_runs_the_program_and_says_what_to_do(run):
    other = getattr(sys, "_base_executable", PYTHON)
    if subprocess.run([other, "-c", "import whichstep"], env={}, capture_output=True, check=False).returncode == 0:
        pytest.skip("the base Python has whichstep")
    done = run(
        "--", "env", "-u", "NOTHING", other, "-c", "print('done')", variables={"PYTHONPATH": ""}, cwd=ROOT / "sdk"
    )
    assert done.stdout == "done\n"
    assert "has no whichstep" in done.stderr


def test_an_application_that_sets_its_own_provider_keeps_its_spans_and_we_hear_the_agents(run, sidecar):
    program = (
        AN_AGENT
        + """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter
early = trace.get_tracer("autogen-core")
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + "\\n")))
trace.set_tracer_provider(provider)
assert trace.get_tracer_provider() is provider
with early.start_as_current_span("early"): pass
with trace.get_tracer("autogen-core").start_as_current_span("late"): pass
with trace.get_tracer("my.app").start_as_current_span("theirs alone"): pass
"""
    )
    done = run("--endpoint", sidecar.endpoint, "--", PYTHON, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["early", "late", "theirs alone", ""]
    assert "Overriding" not in done.stderr
    assert [span["name"] for span in sidecar.spans] == ["execute_tool lookup_order", "early", "late"]


def test_messages_in_otlp_logs_are_heard_and_an_applications_own_are_not(run, sidecar):
    program = """
from opentelemetry import _logs, trace
import whichstep
whichstep.tracer_provider()
from whichstep.runtime import running
running().make_global()
running().hear_logs()
with trace.get_tracer("agent_framework").start_as_current_span("chat"):
    _logs.get_logger("agent_framework").emit(_logs.LogRecord(
        event_name="gen_ai.user.message", body={"content": "token sk-abcdefghijklmnopqrstuvwx", "n": [1, 2.5, None]}
    ))
_logs.get_logger("my.app").emit(_logs.LogRecord(body="private"))
"""
    done = run("--endpoint", sidecar.endpoint, "--", PYTHON, "-c", program)
    assert done.returncode == 0, done.stderr
    ((event,), (span,)) = sidecar.events, sidecar.spans
    assert (event["event_name"], event["scope"], event["span_id"]) == (
        "gen_ai.user.message",
        "agent_framework",
        span["span_id"],
    )
    (body,) = [body for path, _, body in sidecar.requests if path == "/v1/logs"]
    assert b"[REDACTED:api_key]" in body
    assert b"private" not in body
    assert b"sk-abc" not in body
