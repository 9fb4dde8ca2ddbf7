"""The jobs of `bench/settings.py` in the page. Times are medians of several runs, in milliseconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import js
from pyodide.code import run_js
from pyodide.ffi import to_js

import modelden
from modelden.settings.changeset import merge, parse_changeset
from modelden.settings.json_text import parse_json, signed_text
from modelden.settings.records import filter_records
from modelden.settings.server import RESPONSE_LIMIT

RUNS = 3

FIRST_SYNCS = 5

bare_fetches = run_js("""async (urls) => {
  for (const url of urls) await (await fetch(url, { cache: "no-store", credentials: "omit" })).text();
}""")


async def clear() -> None:
    """Close what is open and delete what is stored."""
    modelden.configure()
    for found in await js.indexedDB.databases():
        done = js.Promise.withResolvers()
        request = js.indexedDB.deleteDatabase(found.name)
        request.onsuccess = request.onerror = done.resolve
        await done.promise


async def sync(config: dict[str, Any], name: str) -> dict[str, float]:
    """Measure the first sync of a collection and a filtered read of it, in total and by parts."""
    runs = [await _sync_once(config, name) for _ in range(RUNS)]
    return {part: statistics.median(run[part] for run in runs) for part in runs[0]}


async def _sync_once(config: dict[str, Any], name: str) -> dict[str, float]:
    await clear()
    modelden.configure(**config)
    settings = modelden.RemoteSettings(name)
    times: dict[str, float] = {}
    client = (await (await modelden.default_context.current_context()).settings()).client
    server, verifier, store = client._server, client._verifier, client._store

    await _timed(times, "first sync", settings.get)
    await _timed(times, "get with a filter", lambda: settings.get(filters={"group": 3}))
    await _timed(times, "get everything", settings.get)
    await _timed(times, "sync without a change", lambda: settings.get(force_sync=True))

    url = server._changeset_url("main", name, {"_expected": "0"})
    text, _ = await _timed(times, "part: fetch", lambda: server._get(url, RESPONSE_LIMIT))
    _now(times, "part: parse JSON", lambda: parse_json(text))
    changeset = _now(times, "part: parse changeset", lambda: parse_changeset(text, url))
    collection = _now(times, "part: merge", lambda: merge(None, changeset))
    records = collection.records.values()
    message = _now(times, "part: canonical JSON", lambda: signed_text(records, collection.timestamp))
    await _timed(times, "part: digest", lambda: js.crypto.subtle.digest("SHA-384", to_js(message)))
    await _timed(times, "part: verify (canonical JSON included)", lambda: verifier.verify("main/x", collection, url))
    stored = await _timed(times, "part: read", lambda: store.read(f"main/{name}"))
    _now(times, "part: filter", lambda: filter_records(stored.collection.records.values(), {"group": 3}))
    await _timed(times, "part: write unchanged", lambda: store.write(f"main/{name}", stored, stored))
    await clear()
    modelden.configure(**config)
    client = (await (await modelden.default_context.current_context()).settings()).client
    await _timed(times, "part: write", lambda: client._store.write(f"main/{name}", stored, None))
    return times


async def first_sync(config: dict[str, Any], names: list[str], urls: list[str], chain: str) -> dict[str, float]:
    """Measure the first sync of collections against the same requests by bare fetch and one signature check."""
    runs = [await _first_sync_once(config, names, urls, chain) for _ in range(FIRST_SYNCS)]
    times = {part: statistics.median(run[part] for run in runs) for part in runs[0]}
    if urls:
        times["times the network, without one check"] = (times["first sync"] - times["one check"]) / times["network"]
    return times


async def _first_sync_once(config: dict[str, Any], names: list[str], urls: list[str], chain: str) -> dict[str, float]:
    times: dict[str, float] = {}
    await clear()
    modelden.configure(**config)
    client = (await (await modelden.default_context.current_context()).settings()).client

    async def collections() -> None:
        for name in names:
            await client.get(name)

    async def one_check() -> None:
        client._verifier._chains[chain] = await client._verifier._crypto.read_chain(pem)
        await client._verifier.verify("main/x", stored.collection, config["settings_server"])

    await _timed(times, "first sync", collections)
    await _timed(times, "network", lambda: bare_fetches(to_js(urls)))
    pem = await (await js.fetch(chain)).text()
    stored = await client._store.read(f"main/{names[0]}")
    client._verifier._chains.clear()
    await _timed(times, "one check", one_check)
    return times


async def _timed(times: dict[str, float], part: str, work: Callable[[], Awaitable[Any]]) -> Any:
    start = time.perf_counter()
    result = await work()
    times[part] = (time.perf_counter() - start) * 1000
    return result


def _now(times: dict[str, float], part: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    times[part] = (time.perf_counter() - start) * 1000
    return result
