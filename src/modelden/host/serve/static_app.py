"""A tree as any plain web server has it: files at their paths, nothing more. What `modelden verify TREE` looks at."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.hub_app import EXPOSED
from modelden.host.serve.static_files import Files

SERVED = ("v1", "chains", "attachments", "hub")
"""The folders of a tree that clients ask for. A host needs no other one."""


def static_app(tree: Path) -> ASGIApp:
    """The folders `SERVED` of a tree; ``index.html`` answers for a folder."""
    types = {".html": "application/json", ".json": "application/json", ".wasm": "application/wasm"}
    folders = [name for name in SERVED if (tree / name).is_dir()]
    mounts = [
        Mount(f"/{name}", Files(tree / name, types, cache_control="no-cache", index=name == "v1")) for name in folders
    ]
    return AnyOrigin(Starlette(routes=mounts), EXPOSED)
