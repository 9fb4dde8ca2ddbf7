"""`hub_download` and `snapshot_download`: huggingface_hub's functions over this page's hub and cache.

There the functions return paths; here bytes enter Python's file system only where ``local_dir`` asks for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from modelden.core.argument_checks import check_arguments
from modelden.core.arguments import show
from modelden.core.local_files import check_folder, write_file
from modelden.core.shown_progress import shown_progress
from modelden.default_context import current_context
from modelden.errors import AccessDenied, FileNotFoundOnHub, InputError, UnavailableError

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.hub.catalog.file_index import Lists
    from modelden.hub.catalog.model_overview import RepositoryFile
    from modelden.hub_file import HubFile
    from modelden.model_hub import ModelHub

logger = logging.getLogger(__name__)

DOWNLOAD_TASK = "hub-download"
"""Task of files that are downloaded for no task."""

_BRANCH = "main"

type Folder = str | os.PathLike[str]


@overload
async def hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    local_dir: None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> HubFile: ...


@overload
async def hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    local_dir: Folder,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> str: ...


@check_arguments
async def hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    local_dir: Folder | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> HubFile | str:
    """Return a file of a hub, downloading it if needed, as ``huggingface_hub.hf_hub_download`` does.

    Args:
        repo_id: ``organization/name``.
        filename: Path in the repository.
        subfolder: Folder of the repository that contains ``filename``.
        revision: Branch or version; None for ``main``.
        local_dir: Folder of Python's file system to write the file to, a chunk at a time.
        hub: The hub; None for the configured one. ``ModelHub(token=...)`` for a private one.
        on_progress: Callback for Firefox's events.
        progress: As for `modelden.create_engine`.

    Returns:
        The file, with its bytes outside of Python; with ``local_dir`` its path there.

    Raises:
        InputError: For names that no hub can have, or if the file cannot be written to ``local_dir``.
        ForbiddenURL: If the allow/deny list does not admit the file.
        FileNotFoundOnHub: If the hub does not have it.
        UnavailableError: If it cannot be downloaded.
        UntrustedError: If the hub served something else. Nothing of it is stored.
        StorageError: If the browser cannot store it, and ``memory_when_full`` is off.
    """
    from modelden.model_hub import ModelHub

    local_dir = check_folder("local_dir", local_dir)
    check_hub(hub)
    path = f"{subfolder}/{filename}" if subfolder else filename
    hub = hub or ModelHub()
    with shown_progress(progress, on_progress) as on_event:
        file = await _download(hub, repo_id, path, revision, on_event, None)
    (await current_context()).tidy()
    return file if local_dir is None else await _write(file, local_dir)


@overload
async def snapshot_download(
    repo_id: str,
    *,
    revision: str | None = None,
    local_dir: None = None,
    allow_patterns: str | Sequence[str] | None = None,
    ignore_patterns: str | Sequence[str] | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> list[HubFile]: ...


@overload
async def snapshot_download(
    repo_id: str,
    *,
    revision: str | None = None,
    local_dir: Folder,
    allow_patterns: str | Sequence[str] | None = None,
    ignore_patterns: str | Sequence[str] | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> str: ...


@check_arguments
async def snapshot_download(
    repo_id: str,
    *,
    revision: str | None = None,
    local_dir: Folder | None = None,
    allow_patterns: str | Sequence[str] | None = None,
    ignore_patterns: str | Sequence[str] | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> list[HubFile] | str:
    """Return the files of a revision, downloading missing ones, as ``huggingface_hub.snapshot_download`` does.

    The list of files comes from a signed manifest, else from the hub. Without both, it has the stored files.

    Args:
        repo_id: ``organization/name``.
        revision: Branch or version; None for ``main``.
        local_dir: Folder of Python's file system to write the files to, a chunk at a time.
        allow_patterns: Shell patterns, one of which a path must match; ``folder/`` matches all files in it.
        ignore_patterns: Shell patterns that a path must not match.
        hub: The hub; None for the configured one.
        on_progress: Callback for Firefox's events of each file.
        progress: As for `modelden.create_engine`.

    Returns:
        The files, ordered by their paths; with ``local_dir`` that folder.

    Raises:
        FileNotFoundOnHub: If the hub says that it has no such model or revision.
        AccessDenied: If the hub does not give the model to this page.
        UnavailableError: If there is no list and no stored file, or if a file cannot be downloaded.
        ModelDenError: As `hub_download`. Files downloaded before the error stay.
    """
    from modelden.hub.catalog.file_info import FileInfo
    from modelden.model_hub import ModelHub

    local_dir = check_folder("local_dir", local_dir)
    check_hub(hub)
    _patterns(allow_patterns), _patterns(ignore_patterns)
    hub = hub or ModelHub()
    overview = await hub.model_files(repo_id, revision or _BRANCH)
    if overview.reason is not None:
        if not overview.files:
            error = overview.error  # a code is of a hub that has lists, and no such model or revision
            if isinstance(error, AccessDenied) or (isinstance(error, FileNotFoundOnHub) and error.code is not None):
                raise error
            raise UnavailableError(
                f"Nobody lists the files of {repo_id} {revision or _BRANCH}, and none is kept. {overview.reason} "
                "Name them one by one, with hub_download()."
            )
        logger.warning("The snapshot of %s has the stored files only. %s", repo_id, overview.reason)
    paths = _usable_paths(repo_id, filter_paths(overview.files, allow_patterns, ignore_patterns))
    infos = [FileInfo(file.path, file.size, file.sha256) for file in overview.files if file.path in paths]
    with shown_progress(progress, on_progress) as on_event:
        await (await hub.open()).check_space(repo_id, revision or _BRANCH, infos, on_event)
        files = await _download_all(hub, repo_id, paths, revision, on_event)
    (await current_context()).tidy()
    if local_dir is None:
        return files
    for file in files:
        await _write(file, local_dir)
    return str(local_dir)


def filter_paths(
    files: Iterable[RepositoryFile],
    allow_patterns: str | Sequence[str] | None,
    ignore_patterns: str | Sequence[str] | None,
) -> list[str]:
    """Return the paths that the patterns select, as ``huggingface_hub.utils.filter_repo_objects`` does."""
    allowed, ignored = _patterns(allow_patterns), _patterns(ignore_patterns)
    return [
        file.path
        for file in files
        if (allowed is None or _matches(file.path, allowed)) and not _matches(file.path, ignored or ())
    ]


def _usable_paths(repo_id: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that can be downloaded. One odd name does not lose the rest."""
    from modelden.hub.catalog.names import ModelFile

    usable = []
    for path in paths:
        try:
            ModelFile(repo_id, _BRANCH, path)
        except InputError as error:
            logger.warning("The snapshot of %s is without a file. %s", repo_id, error)
        else:
            usable.append(path)
    return usable


async def _write(file: HubFile, folder: Folder) -> str:
    """Write a file below a folder, and return its place. The hub chose its path, which may begin with a slash."""
    target = Path(folder) / file.path.lstrip("/")
    await write_file(file.blob, target)
    return str(target)


def check_hub(hub: object) -> None:
    """Check that ``hub`` is a `ModelHub` or None.

    Raises:
        InputError: If it is neither.
    """
    from modelden.model_hub import ModelHub

    if not (hub is None or isinstance(hub, ModelHub)):
        raise InputError(f"hub: expected a modelden.ModelHub, got {show(hub)}.")


def _patterns(value: str | Sequence[str] | None) -> Sequence[str] | None:
    if value is None:
        return None
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple | set) or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f"patterns: expected a shell pattern or a list of them, got {show(value)}.")
    return [f"{pattern}*" if pattern.endswith("/") else pattern for pattern in patterns]


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


async def _download_all(
    hub: ModelHub, repo_id: str, paths: Sequence[str], revision: str | None, on_progress: ProgressCallback | None
) -> list[HubFile]:
    lists: Lists = {}  # one for all files: they are of one commit
    downloads = [asyncio.ensure_future(_download(hub, repo_id, path, revision, on_progress, lists)) for path in paths]
    try:
        return await asyncio.gather(*downloads)
    finally:
        for download in downloads:  # after an error, the others end too
            download.cancel()
        await asyncio.gather(*downloads, return_exceptions=True)


async def _download(
    hub: ModelHub,
    repo_id: str,
    path: str,
    revision: str | None,
    on_progress: ProgressCallback | None,
    lists: Lists | None,
) -> HubFile:
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.store.usage import Consumer
    from modelden.model_hub import DEFAULT_ENGINE

    consumer = Consumer(DOWNLOAD_TASK, DEFAULT_ENGINE)
    return await hub.fetch(ModelFile(repo_id, revision or _BRANCH, path), consumer, on_progress, lists)


for _function in (hub_download, snapshot_download):
    _function.__module__ = "modelden"
