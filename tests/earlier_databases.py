"""Databases as an earlier build of modelden left them, to be opened by the current one.

``earlier_databases.json`` has the rows of ``modelFiles`` (version 702) and ``modelden`` (version 1) that the build of
commit 0bc356e stored in Chromium: the engine of `tests.pyodide.servers.MODEL` at the pinned revision ``v1``; two files
of its branch ``main``; its weights of ``v2``, linked to those of ``v1``; a raw session; an imported file; a download
that was cut after 4000 bytes; a pin; the note of a missing file. URLs of servers and the root's hash are placeholders.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from modelden.ports import Blob, Put, Schema, Store
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabases

type Json = dict[str, Any]

VERSION = 702

CUT_MODEL, CUT_FILE = "test/cut", "cut.bin"
CUT_BODY = bytes(range(256)) * 24
CUT_SIZE = 4000
"""Bytes that are stored of `CUT_BODY`."""

IMPORTED_MODEL, IMPORTED_FILE = "test/imported", "imported.json"

_WRITE = """
    for (const [name, { version, stores }] of Object.entries(databases)) {
        const database = await new Promise((resolve, reject) => {
            const request = indexedDB.open(name, version);
            request.onupgradeneeded = () => {
                for (const [store, { keyPath, indexes }] of Object.entries(stores)) {
                    const created = request.result.createObjectStore(store, { keyPath });
                    for (const [index, path] of Object.entries(indexes)) created.createIndex(index, path);
                }
            };
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        const transaction = database.transaction(Object.keys(stores), "readwrite");
        for (const [store, { rows }] of Object.entries(stores)) {
            for (const { data, ...row } of rows) {
                if (data) {
                    const bytes = Uint8Array.from(atob(data.base64), (character) => character.charCodeAt(0));
                    row.data = new Blob([bytes], { type: data.type });
                }
                transaction.objectStore(store).put(row);
            }
        }
        await new Promise((resolve, reject) => {
            transaction.oncomplete = resolve;
            transaction.onabort = () => reject(transaction.error);
        });
        database.close();
    }
"""


def earlier_databases(hub: str, settings: str, root_hash: str) -> Json:
    """Return the databases of a page with this configuration: by name their version and stores."""
    text = (Path(__file__).with_suffix(".json")).read_text(encoding="utf-8")
    for name, value in {"hub": hub, "settings": settings, "root_hash": root_hash}.items():
        text = text.replace(f"{{{name}}}", value)
    databases: Json = json.loads(text)
    return databases


def script(databases: Json) -> str:
    """Return JavaScript that writes the databases into a page without any, by IndexedDB alone."""
    return f"const databases = {json.dumps(databases)};\n{_WRITE}"


async def write(databases: Json, simulator: MemoryDatabases) -> None:
    """Write the databases into a simulated profile without any."""
    for name, recorded in databases.items():
        stores = {store: Store(_path(each["keyPath"])) for store, each in recorded["stores"].items()}
        database = await simulator.open(Schema(name, recorded["version"], stores))
        await database.commit([_put(store, row) for store, each in recorded["stores"].items() for row in each["rows"]])


def _path(path: str | list[str]) -> str | tuple[str, ...]:
    return path if isinstance(path, str) else tuple(path)


def _put(store: str, row: Json) -> Put:
    blobs: dict[tuple[str, ...], Blob] = {}
    if "data" in row:
        blobs["data",] = MemoryBlob(base64.b64decode(row["data"]["base64"]), row["data"]["type"])
    return Put(store, {name: value for name, value in row.items() if name != "data"}, blobs)
