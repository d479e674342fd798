"""What `whichstep up` settles before it opens its doors."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from sidecar_process import environment
from whichstep_cli.serving import serving
from whichstep_cli.sidecar import settings_without_doors

INGEST = """
import sys
from pathlib import Path

import httpx

import builders
from whichstep_cli.sidecar import settings_without_doors
from whichstep_cli.serving import serving

with serving(settings_without_doors(Path(sys.argv[1]))) as served:
    body = builders.request(builders.span("chat")).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    httpx.post(f"{served.endpoint}/v1/traces", content=body, headers=headers, trust_env=False).raise_for_status()
print("pandas" in sys.modules)
"""


def test_pandas_is_not_imported_by_ingest(tmp_path):
    """The first request of a process would pay 1.5 s of CPU and 50 MB for it."""
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", INGEST, str(tmp_path / "data")]
    environ = environment()
    environ["PYTHONPATH"] = os.pathsep.join([tests, environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(command, check=False, env=environ, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("False\n", "", 0)


def test_the_first_start_prints_a_link_that_signs_a_reviewer_in_and_later_ones_do_not(tmp_path, capsys):
    settings = settings_without_doors(tmp_path)
    said = []
    for _ in range(2):
        with serving(settings) as served:
            served.announce(as_json=False)
            (line,) = [line for line in capsys.readouterr().out.splitlines() if "/approvals" in line]
            said.append(line)
            link = line.split()[-1]
            answer = httpx.get(link, trust_env=False)
            assert answer.status_code == (303 if "token=" in link else 200)
    token = (tmp_path / "reviewer.token").read_text().strip()
    assert [token in line for line in said] == [True, False]
