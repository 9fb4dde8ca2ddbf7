"""The stored models of a page's origin, for `modelden models`. The text of this module runs on Pyodide."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from modelden.default_context import current_context
from modelden.hub.store.records import model_key
from modelden.hub.store.usage import is_pinned


async def call(text: str) -> str:
    """Call one of the functions below with keyword arguments; JSON in, JSON out."""
    name, arguments = json.loads(text)
    return json.dumps(await _FUNCTIONS[name](**arguments))


async def list_models() -> list[dict[str, Any]]:
    """Return the fields of each `modelden.StoredModel`, and whether it is pinned."""
    store = await (await current_context()).store()
    pins = await store.pins()
    return [
        {**asdict(model), "pinned": is_pinned(model_key(model), pins)}
        for model in sorted(await store.list_models(), key=model_key)
    ]


async def verify_files() -> list[dict[str, Any]]:
    """Hash all files of models and runtimes; returns the fields of each `modelden.VerifiedFile`.

    Settings are left out: their signatures are judged by the configuration of their page.
    """
    context = await current_context()
    store = await context.store()
    results: list[dict[str, Any]] = []
    for model in await store.list_models():
        results += [asdict(file) for file in await store.verify(*model_key(model))]
    for location, expected, actual in await (await context.settings()).attachments.verify():
        fields = {"path": location, "ok": actual == expected, "expected": expected, "actual": actual}
        results.append({**fields, "kind": "runtime", "model": None, "revision": None})
    return results


async def delete_models(models: list[tuple[str, str, str]]) -> None:
    """Delete all interrupted downloads, and these models: name, revision and root of each."""
    store = await (await current_context()).store()
    await store.partials.delete_where(lambda _: True)
    for name, revision, root in models:
        await store.delete_unused((name, revision, root))
    await store.sweep()


_FUNCTIONS: dict[str, Any] = {
    "list": list_models,
    "verify": verify_files,
    "delete": delete_models,
}
