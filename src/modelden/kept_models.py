"""The models that this browser keeps, of all hubs: listed, deleted, pinned, verified."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from modelden.errors import InputError

if TYPE_CHECKING:
    from modelden.hub.listing import StoredFile, StoredModel
    from modelden.hub.model_hub import HubFiles
    from modelden.hub.verify import VerifiedFile


class KeptModels(ABC):
    """What is kept. Names of kept models are ``hostname/organization/name``."""

    @abstractmethod
    async def open(self) -> HubFiles:
        """Return what does the work, for this package's own use."""

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB, and it has to.
        """
        return await (await self.open()).list_models()

    async def list_files(
        self, *, model: str | None = None, revision: str | None = None, task_name: str | None = None
    ) -> list[StoredFile]:
        """Return the files kept of one revision, or those that a task uses.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.
            task_name: The task; it does not matter when a model is given.

        Raises:
            InputError: For names that no model can have, or if only one of model and revision is given.
        """
        hub = await self.open()
        if task_name is not None and model is None and revision is None:
            return await hub.cache.list_task_files(task_name)
        if model is None or revision is None:
            raise InputError("Both model and revision must be defined, or task_name alone.")
        return await hub.list_files(model=model, revision=revision)

    async def delete_models(
        self, *, model: str | None = None, revision: str | None = None, task_name: str | None = None
    ) -> None:
        """Take files from tasks: those of a model, of a revision, of a task, or of what is given of them together.

        Files that no task uses any more are removed; nothing happens when there are none. Tabs that download or run
        them are not disturbed.

        Raises:
            InputError: If nothing is given (`purge` removes everything), or for names that no model can have.
        """
        from modelden.hub.names import check_stored

        if model is None and revision is None and task_name is None:
            raise InputError("delete_models: give a model, a revision or a task_name; purge() removes everything.")
        if model is not None:
            check_stored(model, revision if revision is not None else "main")
        await (await self.open()).cache.delete(task_name=task_name, model=model, revision=revision)

    async def delete_non_matching_model_revisions(self, *, task_name: str, model: str, target_revision: str) -> None:
        """Take all revisions of a model but one from a task; files that no task uses any more are removed.

        Raises:
            InputError: If one of them is empty.
        """
        if not (task_name and model and target_revision):
            raise InputError("taskName, modelWithHostname, and targetRevision are required.")
        await (await self.open()).cache.delete_other_revisions(task_name, model, target_revision)

    async def delete_files_by_engine(self, engine_id: str) -> None:
        """Take all files from an engine; those that no engine uses any more are removed."""
        await (await self.open()).cache.delete_by_engine(engine_id)

    async def purge(self) -> None:
        """Remove all models."""
        await (await self.open()).cache.purge()

    async def pin(self, model: str, revision: str, *, keep: bool = True) -> None:
        """Never remove a model to make room for others; ``keep=False`` takes that back."""
        await (await self.open()).notes.pin(model, revision, keep=keep)

    async def verify(self, *, model: str, revision: str) -> list[VerifiedFile]:
        """Hash the stored bytes of a revision again; what is damaged is removed, and fetched again when next used.

        Raises:
            InputError: For names that no model can have.
        """
        from modelden.hub.verify import verify

        return await verify(await self.open(), model, revision)
