"""Fetch a model from Hugging Face, or from what HF_ENDPOINT names, through huggingface_hub.

As `hf download` it goes on where a connection broke and keeps files that came whole in its cache; a file that was under
way when the process ended begins anew (2.4 gives each process a file of its own). It compares sizes only: what the hub
says of each file's content (the SHA-256 of large files, git's hash of the others) is checked here.
"""

from __future__ import annotations

import glob
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelden.errors import IntegrityError
from modelden.host.errors import HostError, RemoteError, machine_errors
from modelden.host.publish.release import sha256_of
from modelden.hub.catalog.file_roles import role_of

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

SOURCE = "huggingface"
"""What names this hub instead of a settings server's URL."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A revision that was fetched.

    Attributes:
        folder: Its files.
        commit: Which one it is; a branch or a tag may be another one tomorrow.
    """

    folder: Path
    commit: str


def fetch_snapshot(model: str, revision: str | None, cache: Path | None) -> Snapshot:
    """Fetch what users of a page need of a model; what the cache has is not fetched again.

    Args:
        model: ``organization/name``.
        revision: A tag, a commit or a branch; None for the main branch.
        cache: Folder of the cache; None for huggingface_hub's own.

    Raises:
        HostError: huggingface_hub is not installed, or the hub has no such model or revision.
        IntegrityError: A file is not what the hub says; it is dropped from the cache.
        RemoteError: The hub cannot be reached, or refuses. Run it again: files that came whole are kept.
        MachineError: There is no room, or no right to write.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ModuleNotFoundError as error:
        raise HostError("Hugging Face needs one package more: pip install 'modelden[huggingface]'.") from error
    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi(library_name="modelden")
    with machine_errors("Cannot write the cache"), _words(model, revision):
        commit = str(api.model_info(model, revision=revision).sha)
        tree = api.list_repo_tree(model, recursive=True, revision=commit)
        wanted = [each for each in tree if isinstance(each, RepoFile) and role_of(each.path).never is None]
        paths = [glob.escape(each.path) for each in wanted]
        # an empty list of patterns would mean every file
        folder = Path(api.snapshot_download(model, revision=commit, allow_patterns=paths or ["-"], cache_dir=cache))
        for each in wanted:
            _check(folder / each.path, each)
    return Snapshot(folder, commit)


def _check(file: Path, entry: RepoFile) -> None:
    if entry.lfs is not None:
        expected, found = f"SHA-256 {entry.lfs.sha256}", f"SHA-256 {sha256_of(file)}"
    else:
        expected, found = f"git's {entry.blob_id}", f"git's {_git_hash(file)}"
    if expected != found:
        file.resolve().unlink()
        raise IntegrityError(entry.path, expected, found)


def _git_hash(file: Path) -> str:
    """The name that git gives to the content of a small file."""
    data = file.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


@contextmanager
def _words(model: str, revision: str | None) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise RemoteError(
            f"{model} is behind a licence on Hugging Face: accept it there and `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise HostError(f"Hugging Face has no model {model}, or not for everybody (`hf auth login`).") from error
    except RevisionNotFoundError as error:
        raise HostError(f"Hugging Face has no revision {revision} of {model}.") from error
    except (HfHubHTTPError, EntryNotFoundError, httpx2.HTTPError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RemoteError(f"Hugging Face: {first}. Run it again: files that came whole are kept.") from error
