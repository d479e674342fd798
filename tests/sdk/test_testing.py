import subprocess
import sys

import whichstep


def test_nothing_of_another_test_is_seen(whichstep_spans):
    assert whichstep_spans.spans == []
    with whichstep.tool("a"):
        pass
    whichstep_spans.clear()
    assert whichstep_spans.spans == []
    with whichstep.tool("b"):
        pass
    assert [span["step"] for span in whichstep_spans.spans] == ["b"]


def test_the_plugin_does_not_load_opentelemetry_when_pytest_starts():
    program = "import sys, whichstep.testing; assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    subprocess.run([sys.executable, "-c", program], check=True)
