"""The printed result of a command: one JSON object for machines, or two columns of words for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from modelden.core.printable import printable


class Size(int):
    """A number of bytes: people read it with a unit."""


def print_facts(facts: Mapping[str, Any], *, as_json: bool, next_command: str | None = None) -> None:
    """Print the result of a command: one JSON object, or two columns, in which lists and mappings become lines.

    Args:
        facts: Names and values.
        as_json: For machines.
        next_command: The command that usually follows, for people.
    """
    if as_json:
        typer.echo(json.dumps(facts, indent=2))  # JSON escapes control characters
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    width = max(len(name) for name in facts)
    columns = facts if next_command is None else {**facts, "next": next_command}
    for name, value in columns.items():
        for index, line in enumerate(_lines(value)):
            label = printable(name.replace("_", " ")) if index == 0 else ""
            console.print(Text.assemble((f"{label:<{width}}  ", "bold"), printable(line)))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print rows of words for people, in columns. Lines are not broken: a log has no width.

    Args:
        headings: One for each column.
        rows: Texts of the cells.
        empty: The sentence in place of a table without rows.
    """
    if not rows:
        typer.echo(empty)
        return
    cells = [[printable(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}: {item}" for key, item in value.items()] or ["none"]
    if isinstance(value, list | tuple):
        return [_line(item) for item in value] or ["none"]
    return [_line(value)]


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        items = ((name, Size(item) if name == "size" else item) for name, item in value.items())
        return "  ".join(_line(item) for name, item in items if name != "sha256")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Size):
        from modelden.core.units import format_size

        return format_size(value)
    return str(value)
