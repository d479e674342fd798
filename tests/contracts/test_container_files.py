"""No container engine is needed to keep the container files honest: they are parsed, and their commands are ours."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def _dockerfile() -> list[list[str]]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]


def test_the_compose_command_is_whichstep_up():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert list(compose["services"]) == ["whichstep"]
    assert compose["services"]["whichstep"]["command"] == ["whichstep", "up"]


def test_the_compose_volume_is_the_data_folder_of_the_image():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    (volume,) = compose["services"]["whichstep"]["volumes"]
    name, target = volume.split(":")
    assert name in compose["volumes"]
    assert ["VOLUME", target] in _dockerfile()
    assert ["ENV", f"WHICHSTEP_DATA_DIR={target}"] in _dockerfile()


def test_everything_the_image_copies_exists():
    for instruction, arguments in _dockerfile():
        if instruction == "COPY":
            *sources, _target = arguments.split()
            for source in sources:
                assert (ROOT / source).exists(), source


def test_the_image_installs_the_pinned_dependencies_then_the_project_alone():
    runs = [arguments for instruction, arguments in _dockerfile() if instruction == "RUN"]
    assert runs[0].endswith("--require-hashes -r requirements.lock")
    assert "--no-deps" in runs[1]
