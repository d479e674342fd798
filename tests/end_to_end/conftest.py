"""Says loudly what could not be tested on this machine."""

from browser import MISSING


def pytest_terminal_summary(terminalreporter):
    skipped = [report.nodeid for report in terminalreporter.stats.get("skipped", []) if MISSING in str(report.longrepr)]
    if skipped:
        terminalreporter.section("NO BROWSER", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"{MISSING}\n" + "\n".join(skipped), red=True)
