"""A server of a test's own: records and models are published into a tree, and served at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import LISTS, MANIFESTS, OPTIONS, RUNTIMES, Published, Release, publish
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
        """Publish the collections, all empty, into a folder that is not there yet, or go on with a tree."""
        self.folder = folder
        self._chain = chain
        with Publisher.open(folder, chain) as publisher:
            for name in (MANIFESTS, RUNTIMES, LISTS, OPTIONS):
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
        """The origin, without a slash at its end."""
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
        """Publish the runtime that engines need: from a file or folder, from node_modules, or from npm.

        Raises:
            HostError: It is not to be had.
        """
        with runtime_files(RUNTIME_MAJOR, source) as found, self._publisher() as publisher:
            publish_runtime(publisher, found)

    def add_model(
        self,
        model: str,
        revision: str,
        files: Path | str | Mapping[str, bytes],
        *,
        task: str,
        feature: str | None = None,
        dtype: str | None = None,
    ) -> Published:
        """Publish a model as `modelden publish` does, in place of another one for the same feature or task.

        Args:
            model: ``organization/name``.
            revision: Its version.
            files: Its repository: a folder, or the files' bytes by path.
            task: The task it is for.
            feature: The feature it is for, if not the whole task.
            dtype: The data type that clients are to use.

        Raises:
            PublishError: Clients could not run it.
            InputError: Names that clients refuse.
        """
        release = Release(model=model, revision=revision, task=task, feature=feature, dtype=dtype, replace=True)
        folder = self._written(files, model, revision) if isinstance(files, Mapping) else Path(files)
        repository = read_repository(folder, model, revision)
        with self._publisher() as publisher:
            return publish(publisher, repository, release)

    def put(self, collection: str, *records: Mapping[str, Any]) -> None:
        """Publish records, each with an ``id``, in a collection of any name."""
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
        """Have these faults in place of all others; none: everything works."""
        self._application.faults.set(*faults)

    def requests(self, prefix: str = "/") -> list[str]:
        """Method and path of the requests so far whose path begins so, without queries."""
        entries = [(each.method, each.path.partition("?")[0]) for each in self._application.log.entries()]
        return [f"{method} {path}" for method, path in entries if path.startswith(prefix)]

    def forget_requests(self) -> None:
        """Begin the log anew."""
        self._application.log.clear()

    @contextmanager
    def _publisher(self) -> Iterator[Publisher]:
        with Publisher.open(self.folder, self._chain) as publisher:
            yield publisher
            publisher.commit()
        self._application.collections.become(Tree(self.folder).collections())

    def _written(self, files: Mapping[str, bytes], model: str, revision: str) -> Path:
        folder = self.folder.parent / "repositories" / model / revision
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder
