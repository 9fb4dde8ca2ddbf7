"""A browser profile and a hub that goes wrong, over real connections."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from modelden._js.page_locks import PageLocks
from modelden.host.keys.crypto import HostCrypto
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_info import ManifestReader
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.records import CachedFile
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.store import Store
from modelden.hub.store.usage import Consumer
from modelden.ports import Ports
from tests.faults.hub import FaultyHub
from tests.onnx_bodies import onnx_body
from tests.simulators.blobs import MemoryBlobs
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase, MemoryDatabases
from tests.simulators.engines import ScriptedEngines, ScriptedSessions
from tests.simulators.fetcher import PageFetcher
from tests.simulators.surroundings import MemoryPresence, MemoryTabs, ScriptedExpressions, ScriptedPage, ThreadSuspender
from tests.simulators.timers import ManualTimers
from tests.simulators.vectors import MemoryVectorHost

CHUNK = 300_000
BIG = onnx_body(1_600_000)
PATH = "/org/model/v1/onnx/model.onnx"
FILES = {
    PATH: BIG,
    "/org/model/v2/onnx/model.onnx": BIG,
    "/org/other/v1/onnx/model.onnx": BIG,
    "/org/model/v1/config.json": b'{"model_type": "bert"}',
    "/org/model/main/config.json": b'{"model_type": "bert"}',
}
WEIGHTS = ModelFile("org/model", "v1", "onnx/model.onnx")
CONFIG = ModelFile("org/model", "v1", "config.json")
USE = Consumer("task", "engine")

WHOLE = {"headers": 1, "engines": 1, "tasks": 1, "files": 1, "chunks": len(BIG)}
"""The rows of one stored file, `BIG`."""

SIGNED = ExpectedFile(hashlib.sha256(BIG).hexdigest(), len(BIG), "signed")


class Browser:
    """A profile, and the hub that its pages ask."""

    def __init__(self, hub: FaultyHub, root: str) -> None:
        self.hub = hub
        self.root = root
        self.template = "{model}/{revision}"
        self.fetcher: PageFetcher = PageFetcher()
        self.databases = MemoryDatabases()
        self.locks = PageLocks()
        self.clock = ManualClock()
        self.page = ScriptedPage()
        self.page.stored = self.databases.bytes_of_models

    async def database(self) -> MemoryDatabase:
        return await self.databases.open(MODEL_FILES)

    async def visit(
        self,
        policy: HubPolicy | None = None,
        manifests: ManifestReader | None = None,
        *,
        limits: StoragePolicy | None = None,
    ) -> HubFiles:
        """A page: nothing is known but what is stored."""
        address = HubAddress(self.root, self.template)
        database = await self.database()
        ports = Ports(
            fetcher=self.fetcher,
            databases=self.databases,
            blobs=MemoryBlobs(),
            crypto=HostCrypto(),
            engines=ScriptedEngines([]),
            sessions=ScriptedSessions(),
            expressions=ScriptedExpressions(),
            tabs=MemoryTabs(),
            page=self.page,
            locks=self.locks,
            presence=MemoryPresence(),
            suspender=ThreadSuspender(),
            timers=ManualTimers(self.clock),
            clock=self.clock,
            vectors=MemoryVectorHost(),
        )
        store = Store(database, ports, limits or StoragePolicy())
        return HubFiles(address, store, ports, policy, manifests)

    async def get(
        self, file: ModelFile = WEIGHTS, policy: HubPolicy | None = None, *, limits: StoragePolicy | None = None
    ) -> CachedFile:
        return await (await self.visit(policy, limits=limits)).get(file, USE, AllowList((), ()))

    def stored(self) -> dict[str, int]:
        """Number of rows by store; of chunks the bytes."""
        stores = self.databases["modelFiles"].contents()
        sizes = {store: sum(row["data"].size for row in rows) for store, rows in stores.items() if store == "chunks"}
        return {store: len(rows) for store, rows in stores.items()} | sizes


class Manifest:
    """Vouches for every file in the same words."""

    def __init__(self, expected: ExpectedFile) -> None:
        self._expected = expected

    async def expected(self, _file: ModelFile, /) -> ExpectedFile:
        return self._expected

    async def expected_stored(self, files: Sequence[ModelFile], /) -> list[ExpectedFile]:
        return [self._expected for _ in files]

    async def files(self, _model: str, _revision: str, /) -> None:
        """It names none."""
