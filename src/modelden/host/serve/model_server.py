"""A server for one test, which publishes records and models into its tree and serves them at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.publish.release import PublishResult, Release, publish
from modelden.host.publish.repository import read_repository
from modelden.host.publish.runtimes import publish_runtime, runtime_files
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain
    from modelden.host.serve.faults import Fault

RUNTIME_MAJOR = 5


class ModelServer:
    """Remote Settings and a hub at a free port. Used with ``with``.

    Attributes:
        folder: The tree.
    """

    def __init__(self, folder: Path, chain: SigningChain) -> None:
        """Open a tree; in a new folder, publish all collections empty."""
        self.folder = folder
        self._chain = chain
        with Publisher.open(folder, chain) as publisher:
            for name in (MANIFESTS, RUNTIMES, ALLOW_LIST, OPTIONS):
                publisher.ensure(name)
            publisher.commit()
        self._application = Application(Tree(folder))
        self._server = RunningServer(self._application)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The origin, without a final slash."""
        return self._server.url

    @property
    def configure(self) -> dict[str, str]:
        """Arguments of `modelden.configure`."""
        return {
            "settings_server": f"{self.url}/v1",
            "root_hash": self._chain.root_hash,
            "hub_root_url": f"{self.url}/hub",
        }

    def add_runtime(self, source: Path | None = None) -> None:
        """Publish the runtime of engines: from a file or folder, from node_modules, or from npm.

        Raises:
            HostError: It is not available.
        """
        with runtime_files(RUNTIME_MAJOR, source) as files, self._publisher() as publisher:
            publish_runtime(publisher, files)

    def add_model(
        self,
        model: str,
        revision: str,
        files: Path | str | Mapping[str, bytes],
        *,
        task: str,
        feature: str | None = None,
        dtype: str | None = None,
    ) -> PublishResult:
        """Publish a model like `modelden publish`, in place of another one of the same feature or task.

        Args:
            model: ``organization/name``.
            revision: Its version.
            files: Its repository: a folder, or the files' bytes by path.
            task: Its task.
            feature: Its feature; None for the whole task.
            dtype: The data type for clients.

        Raises:
            PublishError: Clients could not run it.
            InputError: Clients refuse a name.
        """
        release = Release(model=model, revision=revision, task=task, feature=feature, dtype=dtype, replace=True)
        folder = self._write_repository(files, model, revision) if isinstance(files, Mapping) else Path(files)
        repository = read_repository(folder, model, revision)
        with self._publisher() as publisher:
            return publish(publisher, repository, release)

    def put(self, collection: str, *records: Mapping[str, Any]) -> None:
        """Publish records, each with an ``id``, in a collection, which may be new."""
        with self._publisher() as publisher:
            publisher.put(collection, *records)

    def delete(self, collection: str, *identifiers: str) -> None:
        """Remove records.

        Raises:
            KeyError: There is no such record.
        """
        with self._publisher() as publisher:
            publisher.delete(collection, *identifiers)

    def fault(self, *faults: Fault) -> None:
        """Replace all faults by these; without arguments, remove them."""
        self._application.faults.set(*faults)

    def requests(self, prefix: str = "/") -> list[str]:
        """List method and path of the requests so far with this prefix of the path, without queries."""
        entries = [(entry.method, entry.path.partition("?")[0]) for entry in self._application.log.entries()]
        return [f"{method} {path}" for method, path in entries if path.startswith(prefix)]

    def forget_requests(self) -> None:
        """Clear the request log."""
        self._application.log.clear()

    @contextmanager
    def _publisher(self) -> Iterator[Publisher]:
        with Publisher.open(self.folder, self._chain) as publisher:
            yield publisher
            publisher.commit()
        self._application.collections.replace_all(Tree(self.folder).collections())

    def _write_repository(self, files: Mapping[str, bytes], model: str, revision: str) -> Path:
        folder = self.folder.parent / "repositories" / model / revision
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder


ModelServer.__module__ = "modelden.host.testing"
