"""The description of the stores for ``<modelden-models>``, which reads them without Python: the same as Python's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.partials import PartialDownloads, download_lock
from modelden.hub.store.records import FileKey, PartialFile
from modelden.hub.store.schema import MODEL_FILES, ROWS_LOCK
from modelden.hub.store.usage import Consumer, use_lock
from tests.simulators.blobs import MemoryBlob
from tests.unit.conftest import HUB_ROOT
from tests.unit.hub.store.test_deletion import ALLOWED

if TYPE_CHECKING:
    from tests.simulators.profile import Profile

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads((ROOT / "web/models/schema.json").read_text("utf-8"))
ADAPTERS = ROOT / "src/modelden/_js"
INTERFACES = {
    "headers": "HeaderRow",
    "engines": "EngineRow",
    "tasks": "TaskRow",
    "files": "FileRow",
    "partials": "PartialRow",
    "missing": "MissingRow",
    "pins": "Revision",
}


def constant(module: str, name: str) -> str:
    """A text of a module that only a browser can import."""
    found = re.search(rf'^{name} = "(.*)"$', (ADAPTERS / module).read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def interfaces() -> dict[str, set[str]]:
    """The members of the interfaces of ``rows.ts``, those of extended interfaces too."""
    text = (ROOT / "web/models/rows.ts").read_text("utf-8")
    members: dict[str, set[str]] = {}
    for name, base, body in re.findall(
        r"interface (\w+)(?: extends (?:Partial<)?(\w+)>?)? \{\n(.*?)\n\}", text, re.DOTALL
    ):
        members[name] = set(re.findall(r"^  readonly (\w+)", body, re.MULTILINE)) | members.get(base, set())
    return members


def test_stores_and_version_are_those_of_the_schema() -> None:
    keys = {
        name: [store.key_path] if isinstance(store.key_path, str) else list(store.key_path)
        for name, store in MODEL_FILES.stores.items()
    }
    assert (SCHEMA["database"], SCHEMA["version"], SCHEMA["stores"]) == (MODEL_FILES.name, MODEL_FILES.version, keys)


def test_names_that_tabs_share_are_the_same() -> None:
    prefix, key = constant("web_locks.py", "PREFIX"), FileKey("host/org/name", "v1", "a b/c", "https://host/x/")
    locks, fields = SCHEMA["locks"], {"root": key.root, "model": key.model, "revision": key.revision, "id": key.id}
    assert locks["rows"] == prefix + ROWS_LOCK
    assert locks["use"].format(**fields) == prefix + use_lock(key.revision_key)
    assert locks["download"].format(**fields) == prefix + download_lock(key.id)
    assert SCHEMA["channel"] == constant("broadcast.py", "NAME")
    assert SCHEMA["inventory"] == constant("page.py", "_MEMO")


async def test_rows_have_the_described_members(profile: Profile) -> None:
    context = profile.visit()
    hub, store = await context.hub(), await context.store()
    await hub.get(ModelFile("org/tiny", "v1.0", "config.json"), Consumer("task", "engine"), ALLOWED)
    await store.pin("localhost/org/tiny", "v1.0", pinned=True)
    key = FileKey("localhost/org/begun", "v1.0", "model.onnx", HUB_ROOT)
    await store.missing.add([key])
    partials = PartialDownloads(await profile.database("modelFiles"), profile.clock, profile.locks)
    await partials.append(key, PartialFile("begun", f"{HUB_ROOT}f", None, None, 5, 1), MemoryBlob(bytes(5), ""))

    rows = (await profile.database("modelFiles")).contents()
    described = interfaces()
    assert {name: set(rows[name][0]) for name in INTERFACES} == {
        name: described[interface] for name, interface in INTERFACES.items()
    }
    header = re.search(r"readonly headers: \{(.*?)\}", (ROOT / "web/models/rows.ts").read_text("utf-8"))
    assert header is not None
    assert set(re.findall(r"readonly (\w+)", header[1])) <= set(rows["headers"][0]["headers"])
