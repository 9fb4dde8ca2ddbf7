"""The command ``modelden`` with odd arguments ends with an exit code of docs/cli.md and words, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from modelden.host import cli
from modelden.host.keys import certificates
from modelden.host.keys.certificates import SigningChain

ODD = (
    *(
        "",
        " ",
        "-",
        "--",
        "a\nb",
        "a\x1b[31mb",
        "модель",
        "a" * 5000,
        "../../etc",
        "~",
        "NaN",
        "-1",
        "1e999",
        "9" * 400,
    ),
    *("http://[", "http://localhost:1/", "ftp://a/b", "//a", "file:///etc", "a@b", "a#b?c", "{", "[]", "{}", "null"),
    *('{"a": NaN}', "[" * 2000, "a=b", "*", "org/name", "\udcff"),
)

EXIT_CODES = (0, 1, 2, 3, 4)
"""Those of docs/cli.md."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands, with the words that call them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMAND = typer.main.get_command(cli.app)
COMMANDS = dict(commands(COMMAND))


def cases(command: Any) -> Iterator[list[str]]:
    """Each option with each odd value, and each odd value as all positional arguments."""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    for value in ODD:
        yield [value for _ in arguments]
        for option in command.params:
            if option.param_type_name == "option" and not option.is_flag and not option.is_eager:
                yield [option.opts[0], value, *("absent" for _ in arguments)]


@pytest.fixture(scope="module")
def chain() -> SigningChain:
    """Made once, for each takes seconds."""
    return certificates.new_chain()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_ends_with_words(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chain: SigningChain,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(certificates, "new_chain", lambda: chain)
    monkeypatch.setenv("PATH", "")  # starts no browser

    monkeypatch.setattr(cli, "app", COMMAND)  # which `app` makes anew for each call

    for arguments in cases(COMMANDS[words]):
        monkeypatch.setattr(sys, "argv", ["modelden", *words, *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        said = capsys.readouterr()
        assert caught.value.code in EXIT_CODES, arguments
        assert said.out or said.err
