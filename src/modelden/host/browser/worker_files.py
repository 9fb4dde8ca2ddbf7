"""The workers of this wheel as files, for pages whose content security policy refuses ``blob:`` (docs/hosting.md)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from modelden.host.errors import machine_errors

_SUFFIXES = (".js", ".mjs", "THIRD_PARTY_LICENSES.txt")


def copy_worker_files(folder: Path) -> list[Path]:
    """Write what ``configure(worker_url=...)`` has to find into a folder, which is made if it is not there.

    Returns:
        The files.

    Raises:
        MachineError: They cannot be written.
    """
    with machine_errors(f"Cannot write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for asset in sorted(files("modelden").joinpath("_js/assets").iterdir(), key=lambda each: each.name):
            if asset.name.endswith(_SUFFIXES):
                path = folder / asset.name
                path.write_bytes(asset.read_bytes())
                written.append(path)
    return written
