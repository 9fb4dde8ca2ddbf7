"""Functions of the page for `test_hugging_face`, beside `in_page` and `engine_in_page`."""

from __future__ import annotations

from typing import Any

from in_page import error_fields, foreign  # type: ignore[import-not-found]  # pushed by the test

import modelden

type Json = Any

TEMPLATE = "{model}/resolve/{revision}"


async def stored() -> dict[str, list[str]]:
    """Revision, SHA-256 and integrity of each stored file, by path."""
    hub = modelden.ModelHub()
    found = {}
    for model in await hub.list_models():
        for file in await hub.list_files(model=model.name, revision=model.revision):
            found[file.path] = [model.revision, file.sha256, file.integrity]
    return found


async def fetched(root_url: str, model: str, revision: str, file: str, token: str | None = None) -> Json:
    """`hub_download` from a hub with the layout of Hugging Face's."""
    hub = modelden.ModelHub(root_url, TEMPLATE, [], token=token)
    try:
        got = await modelden.hub_download(model, file, revision=revision, hub=hub)
    except modelden.ModelDenError as error:
        return {"error": error_fields(error), "code": getattr(error, "code", None)}
    return {"error": None, "sha256": got.sha256, "integrity": got.integrity, "foreign": foreign(dict(got.headers))}


async def snapshot(root_url: str, model: str, revision: str, token: str | None = None) -> Json:
    """`snapshot_download` from such a hub."""
    hub = modelden.ModelHub(root_url, TEMPLATE, [], token=token)
    try:
        files = await modelden.snapshot_download(model, revision=revision, hub=hub)
    except modelden.ModelDenError as error:
        return {"error": error_fields(error), "code": getattr(error, "code", None)}
    return {"error": None, "files": {file.path: [file.sha256, file.integrity] for file in files}}
