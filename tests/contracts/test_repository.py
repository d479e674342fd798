"""What must never enter the repository: addresses of registries, machine paths, unpinned requirements."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_the_lock_file_pins_everything_by_hash_and_names_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    pins = re.findall(r"^[a-z0-9][^\s;]*", text, flags=re.MULTILINE)
    assert pins
    assert all("==" in pin for pin in pins)
    assert text.count("--hash=sha256:") > len(pins)


def test_the_server_and_autogen_agree_on_protobuf():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"^protobuf==5\.29\.", text, flags=re.MULTILINE)
    assert "protobuf>=5.29,<8" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_base_install_needs_opentelemetry_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(name.startswith("opentelemetry-") for name in project["dependencies"])


def test_no_tracked_text_names_a_home_folder():
    pattern = re.compile(r"(/home/[a-z]+/|/Users/[A-Za-z]+/|/root/)")
    for path in _tracked_files():
        if path.suffix in {".py", ".md", ".toml", ".sql", ".yml", ".json", ".sh"} and path != Path(__file__):
            assert not pattern.search(path.read_text(encoding="utf-8", errors="replace")), path
