"""Functions in the page for `test_sharing`, beside `in_page`."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from in_page import error_fields, foreign  # type: ignore[import-not-found]  # pushed by the test
from js import Array, Blob, File

import modelden
from modelden._js.blobs import js_blob

type Json = Any

archives: list[modelden.ModelArchive] = []


async def exported(root_url: str, files: list[str]) -> Json:
    """Download the files of a model, and export it."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    for file in files:
        await hub.get_model_file(task_name="task", model="org/model", revision="v1", file=file)
    archives[:] = [await modelden.export_model("localhost/org/model", "v1")]
    return {"size": archives[0].size, "paths": archives[0].paths, "foreign": foreign([archives[0].paths])}


async def imported(root_url: str, way: str) -> list[Json]:
    """In an empty cache, import what was exported; returns what is kept then."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    weights = await got(root_url, "model.onnx")
    await hub.purge()
    archive = js_blob(archives[0].blob)
    match way:
        case "file":
            kept = await modelden.import_files(File.new(Array.of(archive), "model.tar"), hub=hub)
        case "path":
            kept = await modelden.import_files(await archives[0].save("carried/model.tar"), hub=hub)
        case "loose":
            loose = {"model.onnx": weights, "config.json": Blob.new(Array.of("{}"))}
            kept = await modelden.import_files(loose, model="org/model", revision="v1", hub=hub)
    assert foreign(kept) == []
    return [asdict(file) for file in kept]


async def got(root_url: str, file: str) -> Any:
    """The browser's Blob of a file."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    file_there = await hub.get_model_file(task_name="task", model="org/model", revision="v1", file=file)
    return js_blob(file_there.blob)


async def written(root_url: str) -> Json:
    """The SHA-256 of a file that `hub_download` wrote into Pyodide's file system."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    path = await modelden.hub_download("org/model", "model.onnx", revision="v1", local_dir="carried", hub=hub)
    with Path(path).open("rb") as file:  # noqa: ASYNC230  it is memory
        return [path, hashlib.file_digest(file, "sha256").hexdigest()]


async def damaged(root_url: str) -> Json:
    """Import the archive with another byte in the middle."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    archive = js_blob(archives[0].blob)
    half = archive.size // 2
    try:
        await modelden.import_files(Blob.new(Array.of(archive.slice(0, half), "?", archive.slice(half + 1))), hub=hub)
    except modelden.ModelDenError as error:
        return error_fields(error)
    return None


async def forget(root_url: str) -> None:
    """Let everything go."""
    archives.clear()
    await modelden.ModelHub(root_url, "{model}/{revision}", []).purge()
