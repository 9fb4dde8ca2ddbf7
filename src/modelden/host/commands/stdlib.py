"""The command `modelden stdlib`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption
from modelden.host.commands.output import Size, print_facts


def stdlib(
    folder: Annotated[Path, typer.Argument(help="Folder of a Pyodide distribution.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, for stdLibURL of loadPyodide; otherwise FOLDER/python_stdlib.zip is replaced."
        ),
    ] = None,
    *,
    sources: Annotated[
        bool, typer.Option("--sources", help="Keep the sources, for lines of code in tracebacks: 2.5 MB more.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compile Pyodide's standard library to bytecode, so that pages start in less than half of the time.

    The folder's own Pyodide compiles it, in Node or, without that, in a browser. Do it again with every new Pyodide.

    Examples:
      modelden stdlib site/pyodide
    """
    from modelden.host.browser.stdlib import write_bytecode

    with activity(f"compiling the standard library of {folder}"):
        library = write_bytecode(folder, out, sources=sources)
    facts = {
        "written": str(library.path),
        "bytes": Size(library.size),
        "bytes before": Size(library.source_size),
    }
    print_facts(facts, as_json=as_json)
