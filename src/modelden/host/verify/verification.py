"""Walk what a server publishes, as a client would, and report every fault instead of stopping at the first.

Settings, signatures, attachments, manifests, model files. The rules are the client's own code; only HTTP and the
mathematics are CPython's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelden.config import Configuration
from modelden.core.memory_database import MemoryDatabase
from modelden.engine import model_selection
from modelden.engine import runtime_selection as engine_runtime
from modelden.engine.options import PipelineOptions
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ForbiddenURL, ModelDenError
from modelden.host.keys.crypto import HostCrypto
from modelden.host.publish.clock import SystemClock
from modelden.host.publish.release import LISTS, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.publish.runtimes import bundles
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.ports import Fetcher
from modelden.settings.attachments import base_url
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import Record, merge
from modelden.settings.records import Attachment, is_sha256
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier

AT_ONCE = 4
"""Files that are fetched at the same time."""

RENEW_DAYS = 14
"""A signature that ends sooner is worth a note."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or worth knowing.

    Attributes:
        where: A URL, a collection, a record.
        what: What was expected and what was found.
    """

    where: str
    what: str


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        faults: What a client would refuse.
        notes: What it would not.
        collections: Names of the collections whose signature is good.
        files: Number of files whose size and SHA-256 are as announced.
        bytes: Their bytes.
    """

    faults: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def fault(self, where: str, what: object) -> None:
        """Note a fault."""
        self.faults.append(Finding(where, str(what)))

    def note(self, where: str, what: str) -> None:
        """Note what is no fault."""
        self.notes.append(Finding(where, what))


async def verify(config: Configuration, fetcher: Fetcher, *, files: bool = True) -> Report:
    """Verify everything that ``config`` names.

    Args:
        config: Server, bucket, root and hub.
        fetcher: Does the requests.
        files: Fetch attachments and model files, too; otherwise only what is said of them is looked at.
    """
    return await _Verification(config, fetcher, files=files).run()


class _Verification:
    def __init__(self, config: Configuration, fetcher: Fetcher, *, files: bool) -> None:
        clock = SystemClock()
        backoff = Backoff(config.settings_server, MemoryDatabase(REMOTE_SETTINGS), clock)
        self._config = config
        self._fetcher = fetcher
        self._files = files
        self._clock = clock
        self._server = SettingsServer(config.settings_server, fetcher, backoff)
        self._verifier = SignatureVerifier(config, fetcher, HostCrypto(), clock)
        self._hub = HubAddress(config.hub_root_url, config.hub_url_template)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._report = Report()

    async def run(self) -> Report:
        try:
            page = await self._server.root_page()
            timestamps = await self._server.timestamps(bucket=self._config.settings_bucket)
        except ModelDenError as error:
            self._report.fault(self._server.url, error)
            return self._report
        bucket = self._config.settings_bucket
        names = [name for each in timestamps for at, _, name in [each.partition("/")] if at == bucket]
        if not names:
            self._report.fault(self._server.url, f"expected collections of the bucket {bucket}, found none")
        records = {name: await self._collection(name, timestamps[f"{bucket}/{name}"]) for name in names}
        async with asyncio.TaskGroup() as tasks:
            for name, found in records.items():
                for record in found:
                    if "attachment" in record:
                        tasks.create_task(self._attachment(f"{bucket}/{name}", record, page))
            for record in records.get(MANIFESTS, []):
                tasks.create_task(self._manifest(record))
        self._runtime(records)
        self._options(records)
        return self._report

    async def _collection(self, name: str, expected: int) -> list[Record]:
        """The records of a collection whose signature is good, or none."""
        cid = self._config.cid(name)
        try:
            changeset, url = await self._server.changeset(self._config.settings_bucket, name, expected=expected)
            collection = merge(None, changeset)
            end = (await self._verifier.verify(cid, collection, url)).until
        except ModelDenError as error:
            self._report.fault(cid, error)
            return []
        if changeset.timestamp != expected:
            self._report.fault(cid, f"the monitor says {expected}, the changeset {changeset.timestamp}")
        days = (end - self._clock.now()) / 86_400_000
        if days < RENEW_DAYS:
            self._report.note(cid, f"the signature ends in {days:.0f} days: rotate the keys and sign")
        self._report.collections.append(cid)
        return list(collection.records.values())

    async def _attachment(self, cid: str, record: Record, page: Mapping[str, Any]) -> None:
        try:
            attachment = Attachment.of(record)
            url = base_url(page, self._server.url) + attachment.location
        except ModelDenError as error:
            self._report.fault(f"{cid}, record {record['id']}", error)
            return
        await self._file(url, attachment.size, attachment.hash)

    async def _manifest(self, record: Record) -> None:
        where = f"{self._config.cid(MANIFESTS)}, record {record['id']}"
        match record:
            case {"modelId": str(model), "revision": str(revision), "files": list(files)}:
                pass
            case _:
                self._report.fault(where, "expected modelId, revision and files")
                return
        for entry in files:
            match entry:
                case {"path": str(path), "size": int(size), "sha256": str(sha256)} if is_sha256(sha256):
                    try:
                        url = self._hub.url(ModelFile(model, revision, path))
                    except ModelDenError as error:
                        self._report.fault(where, error)
                    else:
                        await self._file(url, size, sha256)
                case _:
                    self._report.fault(where, f"expected path, size and sha256 of a file, found {entry!r}")

    async def _file(self, url: str, size: int, sha256: str) -> None:
        if not self._files:
            return
        digest, loaded = hashlib.sha256(), 0
        try:
            async with self._slots, self._fetcher.fetch(url, timeout=30) as response:
                if response.status != 200:
                    self._report.fault(url, f"expected status 200, found {response.status}")
                    return
                async for chunk in response.chunks():
                    for piece in chunk.buffers():
                        digest.update(piece)
                    loaded += chunk.size
        except ModelDenError as error:
            self._report.fault(url, error)
            return
        if loaded != size:
            self._report.fault(url, f"expected {size} bytes, found {loaded}")
        elif digest.hexdigest() != sha256:
            self._report.fault(url, f"expected SHA-256 {sha256}, found {digest.hexdigest()}")
        else:
            self._report.files += 1
            self._report.bytes += size

    def _runtime(self, records: Mapping[str, list[Record]]) -> None:
        where, known = self._config.cid(RUNTIMES), bundles()
        faults: dict[Bundle, ModelDenError] = {}
        for bundle in known:
            try:
                chosen = engine_runtime.choose(records.get(RUNTIMES, []), [bundle])
                engine_runtime.check_build(chosen.record, bundle)
            except ModelDenError as error:
                faults[bundle] = error
        if len(faults) == len(known):
            self._report.fault(where, faults[known[0]])
        offered = {bundle.major for bundle in known if bundle not in faults}
        for bundle in faults:
            if bundle.major in offered:
                self._report.note(where, f"runtime {bundle.major} is offered without {bundle.name}")

    def _options(self, records: Mapping[str, list[Record]]) -> None:
        """Can each record of options be chosen, is its model there, and may it be fetched?"""
        allow_list = AllowList.of(records.get(LISTS, []))
        if LISTS not in records:
            self._report.fault(
                self._config.cid(LISTS), "expected the collection: without it clients refuse every model"
            )
        manifests = {(each.get("modelId"), each.get("revision")) for each in records.get(MANIFESTS, [])}
        for record in records.get(OPTIONS, []):
            where = f"{self._config.cid(OPTIONS)}, record {record['id']}"
            feature, task = record.get("featureId"), record.get("taskName")
            try:
                asked = {"feature_id": feature} if feature else {"task_name": task}
                request = PipelineOptions.of(asked, own_features=True)
                options = model_selection.choose(records[OPTIONS], request, self._config.engine_defaults)
                model, revision = str(options.model_id), str(options.model_revision)
                url = self._hub.url(ModelFile(model, revision, "config.json"))
                allow_list.check(url)
            except ForbiddenURL as error:
                self._report.fault(where, error)
            except ModelDenError as error:
                self._report.fault(where, error)
            else:
                if (model, revision) not in manifests:
                    self._report.note(
                        where,
                        f"{model} {revision} has no manifest: its files were not checked",
                    )
