"""Download of a model from Hugging Face, or from the host of HF_ENDPOINT, with huggingface_hub.

Like `hf download` it resumes broken connections and caches complete files. A file that was incomplete when its process
ended is downloaded again (2.4 gives each process its own incomplete file). huggingface_hub compares sizes only, so the
hashes of the hub (SHA-256 of large files, git's hash of the others) are checked here.
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
"""Name of this hub on the command line, in place of a settings server's URL."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A downloaded revision.

    Attributes:
        folder: Its files.
        commit: Its commit hash. Branches and tags can move.
    """

    folder: Path
    commit: str


def fetch_snapshot(model: str, revision: str | None, cache: Path | None) -> Snapshot:
    """Download the files of a model that pages need, except those in the cache.

    Args:
        model: ``organization/name``.
        revision: A tag, a commit or a branch; None for the main branch.
        cache: Folder of the cache; None for huggingface_hub's own.

    Raises:
        HostError: huggingface_hub is not installed, or the hub has no such model or revision.
        IntegrityError: A file differs from its hash on the hub. It is deleted from the cache.
        RemoteError: The hub cannot be reached, or refuses. A second run reuses complete files.
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
    with machine_errors("Cannot write the cache"), _hub_errors(model, revision):
        commit = str(api.model_info(model, revision=revision).sha)
        tree = api.list_repo_tree(model, recursive=True, revision=commit)
        entries = [entry for entry in tree if isinstance(entry, RepoFile) and role_of(entry.path).never is None]
        paths = [glob.escape(entry.path) for entry in entries]
        # An empty list of patterns would match every file.
        folder = Path(api.snapshot_download(model, revision=commit, allow_patterns=paths or ["-"], cache_dir=cache))
        for entry in entries:
            _check(folder / entry.path, entry)
    return Snapshot(folder, commit)


def _check(file: Path, entry: RepoFile) -> None:
    if entry.lfs is not None:
        expected, actual = f"SHA-256 {entry.lfs.sha256}", f"SHA-256 {sha256_of(file)}"
    else:
        expected, actual = f"git's {entry.blob_id}", f"git's {_git_hash(file)}"
    if expected != actual:
        file.resolve().unlink()
        raise IntegrityError(entry.path, expected, actual)


def _git_hash(file: Path) -> str:
    """Compute git's blob hash of a small file."""
    data = file.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


@contextmanager
def _hub_errors(model: str, revision: str | None) -> Iterator[None]:
    """Turn huggingface_hub's errors into ours."""
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
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RemoteError(f"Hugging Face: {reason}. Run it again: files that came whole are kept.") from error
