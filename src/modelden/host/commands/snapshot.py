"""The command `modelden snapshot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption
from modelden.host.commands.output import Size, print_facts


def snapshot(
    folder: Annotated[Path, typer.Argument(help="Folder of a Pyodide distribution.")],
    modules: Annotated[
        list[str] | None, typer.Option("--import", help="Another module of the standard library; may be repeated.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a memory snapshot of Pyodide with modelden imported, from which pages start. Experimental.

    Pages use it by boot.js of `modelden assets`. A browser makes it. Do it again with every new Pyodide and modelden.

    Examples:
      modelden snapshot site/pyodide

      modelden snapshot site/pyodide --import csv --import decimal
    """
    from modelden.host.browser.snapshot import write_snapshot

    with activity(f"making a snapshot of {folder} in a browser"):
        written = write_snapshot(folder, modules=modules or ())
    facts = {
        "written": str(written.path),
        "bytes": Size(written.size),
        "bytes unpacked": Size(written.unpacked_size),
        "bytes of memory": Size(written.memory_size),
    }
    print_facts(facts, as_json=as_json)
