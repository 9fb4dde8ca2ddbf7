"""A tree served as plain static files, like any web server does. `modelden verify TREE` checks this application."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.hub_app import EXPOSED
from modelden.host.serve.static_files import Files

SERVED = ("v1", "chains", "attachments", "hub")
"""The folders of a tree that clients need."""


def static_app(tree: Path) -> ASGIApp:
    """Create the ASGI application of the folders `SERVED` of a tree. A folder is served by its ``index.html``."""
    types = {".html": "application/json", ".json": "application/json", ".wasm": "application/wasm"}
    folders = [name for name in SERVED if (tree / name).is_dir()]
    mounts = [
        Mount(f"/{name}", Files(tree / name, types, cache_control="no-cache", index=name == "v1")) for name in folders
    ]
    return AnyOrigin(Starlette(routes=mounts), EXPOSED)
