"""Files that come from elsewhere than a hub: an import that fails ends with its own error. See `test_sharing` too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from modelden.errors import IntegrityError, StorageUnavailable
from modelden.hub.catalog.names import ModelFile
from modelden.hub.importer import ImportSource
from modelden.hub.store.usage import Consumer
from tests.simulators.blobs import MemoryBlob, MemoryChunk

if TYPE_CHECKING:
    from tests.simulators.profile import Profile

FILE = ModelFile("org/tiny", "v1.0", "model.bin")


@dataclass(frozen=True)
class ChangingBlob(MemoryBlob):
    """Has other bytes when it is read for the second time, and then something happens."""

    happens: Callable[[], None] = lambda: None
    reads: list[None] = field(default_factory=list)

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        self.reads.append(None)
        yield MemoryChunk(self.data[:: 1 if len(self.reads) == 1 else -1])
        if len(self.reads) > 1:
            self.happens()


async def test_a_cleanup_that_fails_does_not_hide_the_error_of_the_import(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await profile.visit(replace(profile.config, require_storage=True)).hub()
    database = await profile.database("modelFiles")

    async def refuse(*_: object) -> None:
        raise StorageUnavailable("The database is gone.")

    def lose_database() -> None:
        monkeypatch.setattr(database, "get", refuse)
        monkeypatch.setattr(database, "commit", refuse)

    source = ImportSource(FILE, hub.key(FILE), ChangingBlob(b"some bytes", happens=lose_database), "file")
    with pytest.raises(IntegrityError):
        await hub.import_files([source], Consumer("task", "engine"), None)
    assert "cannot be deleted: The database is gone." in caplog.text
