"""The jobs of `bench/big.py` in the page."""

from __future__ import annotations

import hashlib
from typing import Any

import js
from pyodide.code import run_js

import modelden

_fetch_and_discard = run_js("""async (url) => {
    const reader = (await fetch(url, { cache: "no-store" })).body.getReader();
    for (let size = 0; ; ) {
        const { done, value } = await reader.read();
        if (done) return size;
        size += value.byteLength;
    }
}""")


async def idle() -> dict[str, Any]:
    """Return when the page has loaded."""
    return {}


async def discard(root_url: str, file: str) -> dict[str, Any]:
    """Download a file with a bare fetch, and store nothing of it."""
    return {"size": await _fetch_and_discard(f"{root_url}/org/model/v1/{file}")}


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
