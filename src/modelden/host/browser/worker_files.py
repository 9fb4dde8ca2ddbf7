"""The scripts of this wheel as files: the boot script, the list of models, the workers where ``blob:`` is blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.host.errors import machine_errors
from modelden.host.serve.page_scripts import ASSETS

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = (".js", ".mjs", "THIRD_PARTY_LICENSES.txt")


def copy_worker_files(folder: Path) -> list[Path]:
    """Write the files of ``configure(worker_url=...)`` to a folder, which is created if it is missing.

    Returns:
        The written files.

    Raises:
        MachineError: A file cannot be written.
    """
    with machine_errors(f"Cannot write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for asset in sorted(ASSETS.iterdir()):
            if asset.name.endswith(_SUFFIXES):
                path = folder / asset.name
                path.write_bytes(asset.read_bytes())
                written.append(path)
    return written
