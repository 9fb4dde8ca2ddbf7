"""Models from one browser to another without a network: as one archive, or as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelden.default_context import current_context
from modelden.errors import InputError, StorageUnavailable

if TYPE_CHECKING:
    from modelden.core.progress import ProgressCallback
    from modelden.hub.files import HubFiles
    from modelden.hub.importer import ImportSource
    from modelden.hub.store.records import StoredFile
    from modelden.model_hub import ModelHub
    from modelden.ports import Blob, Blobs

IMPORT_TASK = "import"
"""The task of imported files, when none is named."""


@dataclass(frozen=True, slots=True)
class ModelArchive:
    """A model's files as one uncompressed tar, outside of Python and not copied.

    Attributes:
        name: How such a file might be called: ``name-revision.tar``.
        model: ``organization/name``.
        revision: Branch or version.
        paths: The files' paths in the repository.
        size: Bytes of the archive.
        blob: Handle of the browser's ``Blob``; ``blob.js_blob`` is that itself, for ``URL.createObjectURL``.
    """

    __module__ = "modelden"

    name: str
    model: str
    revision: str
    paths: tuple[str, ...]
    size: int
    blob: Blob = field(repr=False)

    async def save(self, path: str | os.PathLike[str]) -> str:
        """Write it into Python's file system, some bytes at a time; returns the path.

        Raises:
            OSError: If the file system refuses; nothing is left behind.
        """
        from modelden.core.local_files import write_file

        await write_file(self.blob, Path(path))
        return str(path)


async def export_model(model: str, revision: str) -> ModelArchive:
    """Return all that is kept of a model as one archive, for `import_files` somewhere else.

    Args:
        model: ``hostname/organization/name``, as `ModelHub.list_models` gives it.
        revision: Branch or version.

    Raises:
        InputError: For names that no model can have, or if nothing of it is kept.
        StorageUnavailable: If a file is not whole any more; it is fetched again when it is next used.
    """
    from modelden.hub.archive import ArchiveEntry, ArchiveIndex, pack

    context = await current_context()
    store = await context.store()
    files = await store.list_files(model, revision)
    if not files:
        raise InputError(f"Nothing is kept of {model} {revision}. ModelHub().list_models() tells what is.")
    cached = await store.read_files([(model, revision, file.path) for file in files])
    bodies = {path: file.blob for (_, _, path), file in cached.items()}
    if len(bodies) != len(files):
        lost = ", ".join(file.path for file in files if file.path not in bodies)
        raise StorageUnavailable(
            f"Of {model} {revision}, {lost} is not whole any more. Load the model once, and again."
        )
    listed = tuple(ArchiveEntry(file.path, file.size, file.sha256, file.content_type, file.etag) for file in files)
    contents = ArchiveIndex(model.partition("/")[2], revision, listed)
    blob = pack(context.ports.blobs, contents, bodies)
    name = f"{model.rpartition('/')[2]}-{revision}.tar"
    return ModelArchive(name, contents.model, revision, tuple(bodies), blob.size, blob)


async def import_files(
    source: object | Mapping[str, object],
    /,
    *,
    model: str | None = None,
    revision: str | None = None,
    task_name: str = IMPORT_TASK,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
) -> list[StoredFile]:
    """Keep files as if they had been downloaded from the hub: an archive of `export_model`, or files by their paths.

    Everything is read twice: nothing is stored before all hashes are checked. Those of an archive are its own; a signed
    manifest vouches for files, where Remote Settings has it, and otherwise they count as ``first-seen``.

    Args:
        source: The archive, or a mapping from paths in the repository to files. Each of them is a ``Blob`` or ``File``
            of the page, the handle of one, bytes, or a path in Python's file system.
        model: ``organization/name``. Given for files; an archive knows it.
        revision: Branch or version. Given for files; an archive knows it.
        task_name: The task that uses them; kept with the files, as for `ModelHub.get_model_file`.
        hub: The hub that they belong to; the configured one if none is given.
        on_progress: Called with an event ``importing`` for each piece of each file.

    Returns:
        What is kept of the model and revision now.

    Raises:
        InputError: If it is no archive, or for names that no hub can have.
        IntegrityError: If it is damaged; nothing of it is kept.
        NoHash: If ``require_hashes`` is on and no signed manifest names a file.
        StorageError: If there is no room; files before that one are kept.
    """
    from modelden.hub.store.usage import Consumer
    from modelden.model_hub import DEFAULT_ENGINE, ModelHub

    opened = await (hub or ModelHub()).open()
    context = await current_context()
    blobs = context.ports.blobs
    if isinstance(source, Mapping):
        incoming = _loose(opened, blobs, source, model, revision)
    else:
        incoming = await _packed(opened, blobs, source, (model, revision))
    await opened.import_files(incoming, Consumer(task_name, DEFAULT_ENGINE), on_progress)
    context.tidy()
    name, kept_revision, _ = incoming[0].key
    return await opened.store.list_files(name, kept_revision)


def _loose(
    hub: HubFiles, blobs: Blobs, files: Mapping[str, object], model: str | None, revision: str | None
) -> list[ImportSource]:
    from modelden.core.local_files import to_blob
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.importer import ImportSource

    if model is None or revision is None or not files:
        raise InputError("import_files: of a mapping from paths to files, name model and revision as well.")
    incoming = []
    for path, body in files.items():
        file = ModelFile(model, revision, path)
        incoming.append(ImportSource(file, hub.key(file), to_blob(body, blobs, path), path))
    return incoming


async def _packed(
    hub: HubFiles, blobs: Blobs, source: object, asked: tuple[str | None, str | None]
) -> list[ImportSource]:
    from modelden.core.local_files import to_blob
    from modelden.hub.archive import unpack
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.importer import ImportSource

    archive = source.blob if isinstance(source, ModelArchive) else source
    name = str(source) if isinstance(source, str | os.PathLike) else "the archive"
    contents, bodies = await unpack(to_blob(archive, blobs, "source"), name)
    if any(
        wanted not in (None, found) for wanted, found in zip(asked, (contents.model, contents.revision), strict=True)
    ):
        raise InputError(f"{name} has {contents.model} {contents.revision}, not {' '.join(filter(None, asked))}.")
    incoming = []
    for listed in contents.files:
        file = ModelFile(contents.model, contents.revision, listed.path)
        place = f"{name}: {listed.path}"
        told = listed.content_type, listed.etag, listed.sha256
        incoming.append(ImportSource(file, hub.key(file), bodies[listed.path], place, *told))
    return incoming


for _function in (export_model, import_files):
    _function.__module__ = "modelden"
