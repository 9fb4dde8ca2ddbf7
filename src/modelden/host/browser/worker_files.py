"""The workers of this wheel as files, for pages whose content security policy blocks ``blob:`` (docs/hosting.md)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from modelden.host.errors import machine_errors

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
        for asset in sorted(files("modelden").joinpath("_js/assets").iterdir(), key=lambda entry: entry.name):
            if asset.name.endswith(_SUFFIXES):
                path = folder / asset.name
                path.write_bytes(asset.read_bytes())
                written.append(path)
    return written
