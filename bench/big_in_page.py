"""The jobs of `bench/big.py` in the page."""

from __future__ import annotations

import hashlib
from typing import Any

import js

import modelden


async def store(root_url: str, file: str) -> dict[str, Any]:
    """Download a file; returns its recorded hash, and the size of Python's memory in bytes."""
    got = await _get(root_url, file)
    return {"size": got.size, "sha256": got.sha256, "heap": int(js.pyodide._module.HEAP8.length)}


async def read(root_url: str, file: str) -> dict[str, Any]:
    """Read a stored file, and hash it again."""
    got = await _get(root_url, file)
    digest = hashlib.sha256()
    async for chunk in got.blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return {"size": got.size, "sha256": digest.hexdigest()}


async def _get(root_url: str, file: str) -> modelden.HubFile:
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    return await hub.get_model_file(task_name="task", model="org/model", revision="v1", file=file)
