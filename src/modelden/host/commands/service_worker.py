"""The command `modelden service-worker`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import DryRunOption, ExcludeOption, JsonOption
from modelden.host.commands.output import Size, print_facts

if TYPE_CHECKING:
    from modelden.host.serve.service_worker import SiteFile

_MEGABYTE = 1_000_000


def service_worker(
    folder: Annotated[Path, typer.Argument(help="Folder of the site, as it is deployed.")],
    exclude: ExcludeOption = None,
    max_size: Annotated[
        int, typer.Option(min=1, help="Megabytes of all files that are accepted. Each visitor downloads them.")
    ] = 100,
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Write a file that removes the service worker from visitors' browsers.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write FOLDER/service-worker.js: pages of the site then start without their server, after one visit.

    The file lists all files of the folder with their hashes. Write it last, and anew with each deployment. Pages load
    it as a script.

    Examples:
      modelden service-worker site

      modelden service-worker site --exclude 'pyodide/*.map' --exclude 'videos/*'

      modelden service-worker site --remove
    """
    from modelden.host.serve.service_worker import FILE_NAME, write_removal, write_service_worker

    if remove:
        facts = {"written": str(write_removal(folder)), "removes": "the service worker and the stored site"}
        print_facts(facts, as_json=as_json)
        return
    with activity(f"hashing the files of {folder}"):
        written = write_service_worker(folder, exclude or (), max_size=max_size * _MEGABYTE, dry_run=dry_run)
    listed = sorted(written.files, key=lambda file: -file.size)
    print_facts(
        {
            "written": str(written.path),
            "version": written.version,
            "changed": written.is_changed,
            "bytes": Size(written.size),
            "files": [asdict(file) for file in listed] if as_json else _largest(listed),
            "dry_run": dry_run,
            "in_each_page": f'<script src="/{FILE_NAME}"></script>',
        },
        as_json=as_json,
        next_command=f"modelden serve TREE --site {shlex.quote(str(folder))}",
    )


def _largest(listed: list[SiteFile], count: int = 5) -> list[str]:
    from modelden.core.units import format_size

    lines = [f"{file.path}: {format_size(file.size)}" for file in listed[:count]]
    return lines if len(listed) <= count else [*lines, f"and {len(listed) - count} smaller ones"]
