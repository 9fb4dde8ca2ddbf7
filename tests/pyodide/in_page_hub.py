"""Functions in the page for `test_hub_calls`, beside `in_page`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from in_page import error_fields, foreign  # type: ignore[import-not-found]  # pushed by the test

import modelden

type Json = Any


async def snapshot(repo_id: str, revision: str, patterns: str | None = None) -> list[Json]:
    """`modelden.snapshot_download`: the path, SHA-256 and integrity of each file."""
    files = await modelden.snapshot_download(repo_id, revision=revision, allow_patterns=patterns)
    assert foreign([dict(file.headers) for file in files]) == []
    return [[file.path, file.sha256, file.integrity] for file in files]


async def written(repo_id: str, revision: str, folder: str) -> dict[str, str]:
    """The same, into Pyodide's file system: the SHA-256 of what is there, by path."""
    path = Path(await modelden.snapshot_download(repo_id, revision=revision, local_dir=folder))
    files = sorted(file for file in path.rglob("*") if file.is_file())  # noqa: ASYNC240  it is memory
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


async def downloaded(repo_id: str, filename: str, revision: str) -> Json:
    """`modelden.hub_download`, and where the file is kept from."""
    try:
        file = await modelden.hub_download(repo_id, filename, revision=revision)
    except modelden.ModelDenError as error:
        return {"error": error_fields(error)}
    kept = await modelden.ModelHub().list_files(task_name="hub-download")
    return {
        "error": None,
        "sha256": file.sha256,
        "integrity": file.integrity,
        "hubs": {each.path: each.hub for each in kept},
        "foreign": foreign(kept),
    }
