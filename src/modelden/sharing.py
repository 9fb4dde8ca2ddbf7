"""Export and import of models without a network: as one archive, or as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelden.core.argument_checks import check_arguments
from modelden.core.shown_progress import shown_progress
from modelden.default_context import current_context
from modelden.errors import InputError, StorageUnavailable

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.hub.files import HubFiles
    from modelden.hub.importer import ImportSource
    from modelden.hub.store.records import StoredFile
    from modelden.model_hub import ModelHub
    from modelden.ports import Blob, Blobs

IMPORT_TASK = "import"
"""Task of imported files if the caller names none."""


@dataclass(frozen=True, slots=True)
class ModelArchive:
    """A model's files as one uncompressed tar. The bytes are outside of Python and are not copied.

    Attributes:
        name: A file name for the archive: ``name-revision.tar``.
        model: ``organization/name``.
        revision: Branch or version.
        paths: The files' paths in the repository.
        size: Size of the archive in bytes.
        blob: Handle of the browser's ``Blob``, which ``blob.js_blob`` is, for ``URL.createObjectURL``.
    """

    __module__ = "modelden"

    name: str
    model: str
    revision: str
    paths: tuple[str, ...]
    size: int
    blob: Blob = field(repr=False)

    async def save(self, path: str | os.PathLike[str]) -> str:
        """Write the archive into Python's file system, a chunk at a time, and return the path.

        Raises:
            InputError: If the file system refuses. Nothing is left behind.
        """
        from modelden.core.local_files import check_path, write_file

        check_path("path", path)
        await write_file(self.blob, Path(path))
        return str(path)


@check_arguments
async def export_model(model: str, revision: str, *, root_url: str | None = None) -> ModelArchive:
    """Return all stored files of a model as one archive, for `import_files` in another browser.

    Args:
        model: ``hostname/organization/name``, as `ModelHub.list_models` gives it.
        revision: Branch or version.
        root_url: Root of the model's hub. Required if several hubs with its host name have such a model.

    Raises:
        InputError: For names that no model can have, if the model has no stored file, or if several hubs have it.
        StorageUnavailable: If a stored file is damaged. It is downloaded again at its next use.
    """
    from modelden.hub.archive import ArchiveEntry, ArchiveIndex, pack
    from modelden.hub.store.records import file_key
    from modelden.stored_models import store_root

    context = await current_context()
    store = await context.store()
    files = await store.list_files(model, revision, store_root(root_url))
    if not files:
        raise InputError(f"Nothing is kept of {model} {revision}. ModelHub().list_models() tells what is.")
    if len(roots := sorted({file.root_url or "unknown" for file in files})) > 1:
        raise InputError(f"{model} {revision} is stored from {' and '.join(roots)}: expected root_url, to tell which.")
    cached = await store.read_files(list(map(file_key, files)))
    bodies = {key.path: file.blob for key, file in cached.items()}
    if len(bodies) != len(files):
        damaged = ", ".join(file.path for file in files if file.path not in bodies)
        raise StorageUnavailable(
            f"Of {model} {revision}, {damaged} is not whole any more. Load the model once, and again."
        )
    entries = tuple(ArchiveEntry(file.path, file.size, file.sha256, file.content_type, file.etag) for file in files)
    index = ArchiveIndex(model.partition("/")[2], revision, entries)
    blob = pack(context.ports.blobs, index, bodies)
    name = f"{model.rpartition('/')[2]}-{revision}.tar"
    return ModelArchive(name, index.model, revision, tuple(bodies), blob.size, blob)


@check_arguments
async def import_files(
    source: object | Mapping[str, object],
    /,
    *,
    model: str | None = None,
    revision: str | None = None,
    task_name: str = IMPORT_TASK,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> list[StoredFile]:
    """Store files as if they had been downloaded from the hub: an archive of `export_model`, or files by their paths.

    All files are read twice, as nothing is stored before all hashes are checked. An archive has its own hashes. The
    hashes of other files come from a signed manifest, if Remote Settings have one; else the files are ``first-seen``.

    Args:
        source: The archive, or a mapping from paths in the repository to files. Each of them is a ``Blob`` or ``File``
            of the page, the handle of one, bytes, or a path in Python's file system.
        model: ``organization/name``. Required for files; an archive has it.
        revision: Branch or version. Required for files; an archive has it.
        task_name: The task that uses the files; stored with them, as by `ModelHub.get_model_file`.
        hub: The hub that the files belong to; None for the configured one.
        on_progress: Callback for an event ``importing`` for each chunk of each file.
        progress: As for `modelden.create_engine`.

    Returns:
        All stored files of the model and revision.

    Raises:
        InputError: If ``source`` is no archive, or for names that no hub can have.
        IntegrityError: If a file is damaged. Nothing is stored.
        NoHash: If ``require_hashes`` is on and no signed manifest has a file.
        StorageError: If there is no space. Earlier files stay stored.
    """
    from modelden.hub.store.listing import FileList
    from modelden.hub.store.usage import Consumer
    from modelden.huggingface import check_hub
    from modelden.model_hub import DEFAULT_ENGINE, ModelHub

    check_hub(hub)
    display = shown_progress(progress, on_progress)
    files = await (hub or ModelHub()).open()
    context = await current_context()
    blobs = context.ports.blobs
    if isinstance(source, Mapping):
        sources = _from_mapping(files, blobs, source, model, revision)
    else:
        sources = await _from_archive(files, blobs, source, (model, revision))
    with display as on_event:
        await files.import_files(sources, Consumer(task_name, DEFAULT_ENGINE), on_event)
    context.tidy()
    stored = await files.store.list_files(*sources[0].key.revision_key)
    has_moved = isinstance(context.storage_fallback.reason, StorageUnavailable)
    if has_moved and not {source.file.file for source in sources} <= {file.path for file in stored}:
        # The database failed in between, and its place is taken by an empty one in memory.
        raise StorageUnavailable("The browser's storage failed during the import. Import the files again.")
    return FileList(stored)


def _from_mapping(
    hub: HubFiles, blobs: Blobs, files: Mapping[str, object], model: str | None, revision: str | None
) -> list[ImportSource]:
    from modelden.core.local_files import to_blob
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.importer import ImportSource

    if model is None or revision is None or not files:
        raise InputError("import_files: of a mapping from paths to files, name model and revision as well.")
    sources = []
    for path, body in files.items():
        file = ModelFile(model, revision, path)
        sources.append(ImportSource(file, hub.key(file), to_blob(body, blobs, path), path))
    return sources


async def _from_archive(
    hub: HubFiles, blobs: Blobs, source: object, expected: tuple[str | None, str | None]
) -> list[ImportSource]:
    from modelden.core.local_files import to_blob
    from modelden.hub.archive import unpack
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.importer import ImportSource

    archive = source.blob if isinstance(source, ModelArchive) else source
    name = str(source) if isinstance(source, str | os.PathLike) else "the archive"
    index, bodies = await unpack(to_blob(archive, blobs, "source"), name)
    model, revision = expected
    if model not in (None, index.model) or revision not in (None, index.revision):
        raise InputError(f"{name} has {index.model} {index.revision}, not {' '.join(filter(None, expected))}.")
    sources = []
    for entry in index.files:
        file = ModelFile(index.model, index.revision, entry.path)
        facts = entry.content_type, entry.etag, entry.sha256
        sources.append(ImportSource(file, hub.key(file), bodies[entry.path], f"{name}: {entry.path}", *facts))
    return sources


for _function in (export_model, import_files):
    _function.__module__ = "modelden"
