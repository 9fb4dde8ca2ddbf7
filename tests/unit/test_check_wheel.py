from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

import modelden
from check_wheel import WHEELS, problems

ROOT = Path(__file__).parents[2]


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    for name, rules in WHEELS.items():
        write(tmp_path, name, rules.required)
    return tmp_path


def write(folder: Path, name: str, files: tuple[str, ...], version: str = "1.0") -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file in (*files, f"{name}-{version}.dist-info/METADATA"):
            archive.writestr(file, b"")


def test_wheels_with_the_files_that_they_need_have_no_faults(wheels: Path) -> None:
    assert problems(wheels) == []


def test_a_wheel_for_pages_with_files_of_the_command_is_refused(wheels: Path) -> None:
    write(wheels, "modelden", (*WHEELS["modelden"].required, "modelden/host/cli.py"))

    assert problems(wheels) == [
        "modelden-1.0-py3-none-any.whl: modelden/host/cli.py does not belong inside",
        "modelden/host/cli.py is in more than one wheel",
    ]


def test_a_wheel_without_a_file_that_it_needs_is_refused(wheels: Path) -> None:
    write(wheels, "modelden_host", WHEELS["modelden_host"].required[1:])

    assert problems(wheels) == ["modelden_host-1.0-py3-none-any.whl: modelden/__main__.py is not inside"]


def test_wheels_of_several_versions_are_refused(wheels: Path) -> None:
    (wheels / "modelden_host-1.0-py3-none-any.whl").unlink()
    write(wheels, "modelden_host", WHEELS["modelden_host"].required, "1.1")

    assert problems(wheels) == ["the wheels have versions ['1.0', '1.1']"]


def test_a_missing_wheel_is_named_by_those_that_are_there(wheels: Path) -> None:
    (wheels / "modelden_host-1.0-py3-none-any.whl").unlink()

    assert problems(wheels)[0].endswith("found ['modelden', 'modelden_onnxruntime']")


def test_the_command_and_the_package_of_a_page_ask_for_each_other_in_the_same_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    command = tomllib.loads((ROOT / "distributions/host/pyproject.toml").read_text("utf-8"))["project"]

    assert package["optional-dependencies"] == {
        "host": [f"modelden-host=={modelden.__version__}"],
        "huggingface": [f"modelden-host[huggingface]=={modelden.__version__}"],
    }
    assert f"modelden=={modelden.__version__}" in command["dependencies"]
    assert package["dependencies"] == []
