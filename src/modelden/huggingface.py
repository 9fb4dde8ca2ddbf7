"""huggingface_hub's two most used calls, with its argument names, over this page's hub and cache.

The sources are ``hf_hub_download`` and ``snapshot_download`` of huggingface_hub. There they return paths; here bytes
enter Python's file system only where ``local_dir`` asks for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, overload

from modelden.core.local_files import write_file
from modelden.default_context import current_context
from modelden.errors import UnavailableError

if TYPE_CHECKING:
    from modelden.core.progress import ProgressCallback
    from modelden.hub.catalog.model_overview import RepositoryFile
    from modelden.hub_file import HubFile
    from modelden.model_hub import ModelHub

logger = logging.getLogger(__name__)

DOWNLOAD_TASK = "hub-download"
"""The task of files that were downloaded for no task."""

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
) -> str: ...


async def hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    local_dir: Folder | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
) -> HubFile | str:
    """Return a file of a hub, downloading it if needed; as ``huggingface_hub.hf_hub_download``.

    Args:
        repo_id: ``organization/name``.
        filename: Path in the repository.
        subfolder: A folder of the repository that ``filename`` is in.
        revision: Branch or version; ``main`` if none is given.
        local_dir: A folder of Python's file system to write the file to, a few bytes at a time.
        hub: The hub; the configured one if none is given. ``ModelHub(token=...)`` for a private one.
        on_progress: Called with Firefox's events.

    Returns:
        The file, its bytes outside of Python; with ``local_dir`` the path that it was written to.

    Raises:
        InputError: For names that no hub can have.
        ForbiddenURL: If the allow/deny list does not admit the file.
        FileNotFoundOnHub: If the hub does not have it.
        UnavailableError: If it cannot be fetched.
        UntrustedError: If what came is not the right file; nothing of it is kept.
        StorageError: If the browser cannot store it, and ``memory_when_full`` is off.
        OSError: If it cannot be written to ``local_dir``.
    """
    from modelden.model_hub import ModelHub

    path = f"{subfolder}/{filename}" if subfolder else filename
    hub = hub or ModelHub()
    file = await _file(hub, repo_id, path, revision, on_progress)
    (await current_context()).tidy()
    if local_dir is None:
        return file
    await write_file(file.blob, Path(local_dir) / path)
    return str(Path(local_dir) / path)


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
) -> str: ...


async def snapshot_download(
    repo_id: str,
    *,
    revision: str | None = None,
    local_dir: Folder | None = None,
    allow_patterns: str | Sequence[str] | None = None,
    ignore_patterns: str | Sequence[str] | None = None,
    hub: ModelHub | None = None,
    on_progress: ProgressCallback | None = None,
) -> list[HubFile] | str:
    """Return the files of a revision, downloading what is missing; as ``huggingface_hub.snapshot_download``.

    Which files there are tells a signed manifest, else the hub. When nobody can be asked, it is what is kept.

    Args:
        repo_id: ``organization/name``.
        revision: Branch or version; ``main`` if none is given.
        local_dir: A folder of Python's file system to write the files to, a few bytes at a time.
        allow_patterns: Shell patterns, one of which a path has to match; ``folder/`` is everything in it.
        ignore_patterns: Shell patterns, none of which it may match.
        hub: The hub; the configured one if none is given.
        on_progress: Called with Firefox's events of each file.

    Returns:
        The files in the order of their paths; with ``local_dir`` that folder.

    Raises:
        UnavailableError: If nobody lists the files and none is kept, or if one cannot be fetched.
        ModelDenError: As `hub_download`; what came before stays.
        OSError: If a file cannot be written to ``local_dir``.
    """
    from modelden.hub.catalog.file_info import FileInfo
    from modelden.model_hub import ModelHub

    hub = hub or ModelHub()
    found = await hub.model_files(repo_id, revision or _BRANCH)
    if found.reason is not None:
        if not found.files:
            raise UnavailableError(
                f"Nobody lists the files of {repo_id} {revision or _BRANCH}, and none is kept. {found.reason} "
                "Name them one by one, with hub_download()."
            )
        logger.warning("What is kept of %s is taken for all of it. %s", repo_id, found.reason)
    paths = chosen(found.files, allow_patterns, ignore_patterns)
    wanted = [FileInfo(file.path, file.size, file.sha256) for file in found.files if file.path in paths]
    await (await hub.open()).check_space(repo_id, revision or _BRANCH, wanted)
    files = await _all(hub, repo_id, paths, revision, on_progress)
    (await current_context()).tidy()
    if local_dir is None:
        return files
    for file in files:
        await write_file(file.blob, Path(local_dir) / file.path)
    return str(local_dir)


def chosen(
    files: Iterable[RepositoryFile],
    allow_patterns: str | Sequence[str] | None,
    ignore_patterns: str | Sequence[str] | None,
) -> list[str]:
    """Return the paths that the patterns choose, as ``huggingface_hub.utils.filter_repo_objects``."""
    allowed, ignored = _patterns(allow_patterns), _patterns(ignore_patterns)
    return [
        file.path
        for file in files
        if (allowed is None or _matches(file.path, allowed)) and not _matches(file.path, ignored or ())
    ]


def _patterns(given: str | Sequence[str] | None) -> Sequence[str] | None:
    if given is None:
        return None
    patterns = [given] if isinstance(given, str) else given
    return [f"{pattern}*" if pattern.endswith("/") else pattern for pattern in patterns]


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


async def _all(
    hub: ModelHub, repo_id: str, paths: Sequence[str], revision: str | None, on_progress: ProgressCallback | None
) -> list[HubFile]:
    downloads = [asyncio.ensure_future(_file(hub, repo_id, path, revision, on_progress)) for path in paths]
    try:
        return await asyncio.gather(*downloads)
    finally:
        for download in downloads:  # when one fails, the others end too
            download.cancel()
        await asyncio.gather(*downloads, return_exceptions=True)


async def _file(
    hub: ModelHub, repo_id: str, path: str, revision: str | None, on_progress: ProgressCallback | None
) -> HubFile:
    return await hub.get_model_file(
        task_name=DOWNLOAD_TASK, model=repo_id, revision=revision or _BRANCH, file=path, on_progress=on_progress
    )


for _function in (hub_download, snapshot_download):
    _function.__module__ = "modelden"
