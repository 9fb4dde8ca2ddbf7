"""The command `modelden assets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def assets(
    folder: Annotated[Path, typer.Argument(help="Folder of your page's server; files of the same names are replaced.")],
) -> None:
    """Write modelden's JavaScript to a folder: the boot script, the list of models, and the workers.

    Pages whose content security policy refuses blob: URLs name the folder's URL in modelden.configure(worker_url=...).
    Do it again with every new version.

    Examples:
      modelden assets site/modelden
    """
    from modelden.host.browser.worker_files import copy_worker_files

    for path in copy_worker_files(folder):
        typer.echo(path)
