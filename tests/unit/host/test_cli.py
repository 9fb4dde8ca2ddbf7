"""`modelden --help`: the commands that it lists, their examples, and the modules that it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer

import modelden
from modelden.host.cli import app
from tests.unit.host.publishing import run, run_process

COMMANDS = [
    *(("keys", name) for name in ("new", "rotate", "show")),
    ("runtime", "publish"),
    ("kinto", "push"),
    *(("models", name) for name in ("list", "verify", "prune")),
    *(
        (name,)
        for name in (
            "publish",
            "unpublish",
            "allow",
            "deny",
            "sign",
            "serve",
            "stdlib",
            "snapshot",
            "service-worker",
            "assets",
            "verify",
            "mirror",
            "run",
            "check",
            "doctor",
        )
    ),
]

HEAVY = {
    "anyio",
    "cryptography",
    "httpx",
    "huggingface_hub",
    "onnxruntime",
    "playwright",
    "rich",
    "starlette",
    "uvicorn",
}
"""What commands import when they run."""

MAX_OWN_MODULES = 27
"""The package, its errors, and one module for each command."""

HELP = """
import sys
sys.argv = ["modelden", *{arguments!r}]
from modelden.host.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""

PRINT_MODULES = """
import json, sys
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported_by(code: str) -> set[str]:
    """The modules that a new Python process has imported after ``code``."""
    process = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code + PRINT_MODULES], check=True, capture_output=True, text=True
    )
    return set(json.loads(process.stderr))


def foreign(modules: set[str]) -> set[str]:
    """Packages that are neither ours nor of the standard library."""
    names = {name.partition(".")[0] for name in modules}
    return names - sys.stdlib_module_names - {"modelden", "__main__"}


def test_help_imports_no_package_that_typer_does_not() -> None:
    assert foreign(imported_by(HELP.format(arguments=("--help",)))) == foreign(imported_by("import typer"))


@pytest.mark.parametrize("command", [("serve",), ("keys", "new")], ids=" ".join)
def test_the_help_of_a_command_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    """Typer itself imports more for the parameters of a command, pydantic for example."""
    assert not foreign(imported_by(HELP.format(arguments=(*command, "--help")))) & HEAVY


def test_help_imports_the_commands_and_little_else_of_modelden() -> None:
    own = {name for name in imported_by(HELP.format(arguments=("--help",))) if name.split(".")[0] == "modelden"}

    assert {name for name in own if name.startswith("modelden.host.commands.")}
    assert len(own) <= MAX_OWN_MODULES, sorted(own)


def test_help_lists_the_commands() -> None:
    result = run("--help")

    assert result.returncode == 0
    for command in COMMANDS:
        assert command[0] in result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_examples(command: tuple[str, ...]) -> None:
    result = run(*command, "--help", env={**os.environ, "COLUMNS": "200"})

    assert result.returncode == 0
    assert "Examples:" in result.stdout
    assert f"modelden {' '.join(command)}" in result.stdout


def test_every_command_is_in_the_list_above() -> None:
    root = typer.main.get_command(app)
    names = {name for name in root.commands if name not in ("keys", "runtime", "kinto", "models")}  # type: ignore[attr-defined]  # a group's

    assert names == {command[0] for command in COMMANDS if len(command) == 1}


def test_the_version_is_printed() -> None:
    assert run_process("--version").stdout == f"modelden {modelden.__version__}\n"


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", {"COMP_WORDS": "modelden models pr", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "modelden models pr"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "modelden models pr", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_shells_complete_the_names_of_commands(shell: str, words: dict[str, str]) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", "from modelden.host.cli import main; import sys; sys.argv[0] = 'modelden'; main()"],
        env=os.environ | {"_MODELDEN_COMPLETE": f"complete_{shell}"} | words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "prune" in completed.stdout
    assert "list" not in completed.stdout
