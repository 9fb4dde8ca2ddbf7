"""Verification of a server, with a report of all faults: settings, signatures, attachments, manifests, model files.

The rules are those of the client, by its own code. Only HTTP and cryptography are CPython's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelden.config import Configuration
from modelden.core.memory_database import MemoryDatabase
from modelden.engine import runtime_selection
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError
from modelden.host.keys.crypto import HostCrypto
from modelden.host.publish.clock import SystemClock
from modelden.host.publish.record_check import (
    ALLOW_LIST,
    MANIFESTS,
    OPTIONS,
    RUNTIMES,
    chosen_model,
    name_faults,
    record_faults,
)
from modelden.host.publish.runtimes import bundles
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.manifests import files_of
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.ports import Fetcher
from modelden.settings.attachments import base_url
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import IDENTITY, Record, listed_collections, merge
from modelden.settings.records import Attachment
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier

MAX_CONCURRENT = 4
"""Number of concurrent downloads."""

MIN_SIGNATURE_DAYS = 14
"""Remaining days of a signature, below which it gets a note."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or a note.

    Attributes:
        where: A URL, a collection, a record.
        what: The expected and the actual state.
    """

    where: str
    what: str


@dataclass(slots=True)
class Report:
    """The result of a verification.

    Attributes:
        faults: Findings that a client would refuse.
        notes: Other findings.
        collections: Names of the collections with a valid signature.
        files: Number of files with the expected size and SHA-256.
        bytes: Total size of these files.
    """

    faults: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def fault(self, where: str, what: object) -> None:
        """Add a fault."""
        self.faults.append(Finding(where, str(what)))

    def note(self, where: str, what: str) -> None:
        """Add a note."""
        self.notes.append(Finding(where, what))


async def verify(config: Configuration, fetcher: Fetcher, *, files: bool = True) -> Report:
    """Verify the server and hub of a configuration.

    Args:
        config: Server, bucket, root hash and hub.
        fetcher: Sends the requests.
        files: Download attachments and model files, too; otherwise only their records are checked.
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
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._report = Report()
        self._names: frozenset[str] = frozenset()
        self._refused: set[tuple[str, str]] = set()
        """Collection and identifier of records that clients refuse."""

    async def run(self) -> Report:
        try:
            page = await self._server.root_page()
            timestamps = await self._server.timestamps(bucket=self._config.settings_bucket)
        except ModelDenError as error:
            self._report.fault(self._server.url, error)
            return self._report
        bucket = self._config.settings_bucket
        names = [name for key in timestamps for at, _, name in [key.partition("/")] if at == bucket]
        if not names:
            self._report.fault(self._server.url, f"expected collections of the bucket {bucket}, found none")
        self._names = frozenset(names)
        records = {name: await self._collection(name, timestamps[f"{bucket}/{name}"]) for name in names}
        async with asyncio.TaskGroup() as tasks:
            for name, entries in records.items():
                for record in entries:
                    if "attachment" in record:
                        tasks.create_task(self._attachment(f"{bucket}/{name}", record, page))
            for record in records.get(MANIFESTS, []):
                tasks.create_task(self._manifest(record))
        self._runtime(records)
        self._options(records)
        return self._report

    async def _collection(self, name: str, expected: int) -> list[Record]:
        """Return the records of a collection with a valid signature, otherwise an empty list."""
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
        if days < MIN_SIGNATURE_DAYS:
            self._report.note(cid, f"the signature ends in {days:.0f} days: rotate the keys and sign")
        self._report.collections.append(cid)
        self._records(name, [record for key, record in collection.records.items() if key != IDENTITY])
        for other in sorted((listed_collections(collection.records.get(IDENTITY, {})) or frozenset()) - self._names):
            self._report.fault(cid, f"it says that there is a collection {other}, and the server's list leaves it out")
        known = {IDENTITY, *(record for collection, record in self._refused if collection == name)}
        return [record for key, record in collection.records.items() if key not in known]

    def _records(self, name: str, records: list[Record]) -> None:
        faults = record_faults(name, records, self._config)
        for fault in faults:
            self._report.fault(f"{self._config.cid(name)}, record {fault.record}", fault.what)
        if name == MANIFESTS and not faults:
            for what in name_faults(records):
                self._report.note(self._config.cid(name), what)
        self._refused.update((name, fault.record) for fault in faults)

    async def _attachment(self, cid: str, record: Record, page: Mapping[str, Any]) -> None:
        attachment = Attachment.of(record)
        try:
            url = base_url(page, self._server.url) + attachment.location
        except ModelDenError as error:
            self._report.fault(f"{cid}, record {record['id']}", error)
            return
        await self._file(url, attachment.size, attachment.hash)

    async def _manifest(self, record: Record) -> None:
        where = f"{self._config.cid(MANIFESTS)}, record {record['id']}"
        model, revision = record["modelId"], record["revision"]
        for file in files_of([record], model, revision) or ():
            try:
                url = self._hub.url(ModelFile(model, revision, file.path))
            except ModelDenError as error:
                self._report.fault(where, error)
            else:
                await self._file(url, file.size or 0, file.sha256 or "")

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
                    loaded += chunk.size
                    if loaded > size:
                        self._report.fault(url, f"expected {size} bytes, found more; it was not read on")
                        return
                    for buffer in chunk.buffers():
                        digest.update(buffer)
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
        where, all_bundles = self._config.cid(RUNTIMES), bundles()
        faults: dict[Bundle, ModelDenError] = {}
        for bundle in all_bundles:
            try:
                chosen = runtime_selection.choose(records.get(RUNTIMES, []), [bundle])
                runtime_selection.check_build(chosen.record, bundle)
            except ModelDenError as error:
                faults[bundle] = error
        if len(faults) == len(all_bundles):
            self._report.fault(where, faults[all_bundles[0]])
        offered = {bundle.major for bundle in all_bundles if bundle not in faults}
        for bundle in faults:
            if bundle.major in offered:
                self._report.note(where, f"runtime {bundle.major} is offered without {bundle.name}")

    def _options(self, records: Mapping[str, list[Record]]) -> None:
        """Check that each record of options can be chosen, and that its model is published and allowed."""
        allow_list = AllowList.of(records.get(ALLOW_LIST, []))
        if ALLOW_LIST not in records:
            self._report.fault(
                self._config.cid(ALLOW_LIST), "expected the collection: without it clients refuse every model"
            )
        manifests = {(record.get("modelId"), record.get("revision")) for record in records.get(MANIFESTS, [])}
        for record in records.get(OPTIONS, []):
            where = f"{self._config.cid(OPTIONS)}, record {record['id']}"
            try:
                model, revision = chosen_model(record, records[OPTIONS], self._config)
                url = self._hub.url(ModelFile(model, revision, "config.json"))
                allow_list.check(url)
            except ModelDenError as error:
                self._report.fault(where, error)
            else:
                if (model, revision) not in manifests:
                    self._report.note(
                        where,
                        f"{model} {revision} has no manifest: its files were not checked",
                    )
