"""The part of `ModelHub` that is about stored models, by the method names of Firefox's ``ModelHub``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.core.argument_checks import check_methods
from modelden.core.arguments import show
from modelden.default_context import current_context
from modelden.errors import InputError
from modelden.hub.catalog.names import canonical_root

if TYPE_CHECKING:
    from modelden.hub.store.records import StoredFile, StoredModel
    from modelden.hub.store.store import Store
    from modelden.hub.store.verification import VerifiedFile


@check_methods
class StoredModels:
    """The stored models of all hubs."""

    __module__ = "modelden"

    async def list_models(self) -> list[StoredModel]:
        """Return the models and revisions that have stored files.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB, and none in memory is allowed.
        """
        from modelden.hub.store.listing import ModelList

        return ModelList(await (await self._store()).list_models())

    async def list_files(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        task_name: str | None = None,
        root_url: str | None = None,
    ) -> list[StoredFile]:
        """Return the stored files of one revision, or those that a task uses.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.
            task_name: The task; ignored when a model is given.
            root_url: Root of the model's hub; None for all hubs with its host name.

        Raises:
            InputError: For names that no model can have, or if only one of model and revision is given.
        """
        from modelden.hub.store.listing import FileList

        store = await self._store()
        if task_name is not None and model is None and revision is None:
            return FileList(await store.list_task_files(task_name))
        if model is None or revision is None:
            raise InputError("Both model and revision must be defined, or task_name alone.")
        return FileList(await store.list_files(model, revision, store_root(root_url)))

    async def delete_models(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        task_name: str | None = None,
        root_url: str | None = None,
    ) -> None:
        """Release files from tasks: those of a model, of one of its revisions, of a task, of a hub, or all combined.

        Files that no task uses any more are deleted. Tabs that download or run them are not disturbed.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version of the model. Without a model it is refused, as in Firefox ("Invalid query
                configuration"): every model may have a revision of this name.
            task_name: The task.
            root_url: Root of the hub; None for all hubs.

        Raises:
            InputError: Without any argument (`purge` deletes everything), for a revision without a model, or for names
                that no model can have.
        """
        if revision is not None and model is None:
            raise InputError(
                f"delete_models: Invalid query configuration. The revision {show(revision)} is that of a model: give "
                "model= too, by its name in list_models(), or leave the revision out to delete all of a task or a hub."
            )
        names = {"task_name": task_name, "model": model, "revision": revision, "root": store_root(root_url)}
        if set(names.values()) == {None}:
            raise InputError("delete_models: give a model, a revision, a task_name or a root_url; purge() removes all.")
        await (await self._store()).delete_models(**names)

    async def delete_non_matching_model_revisions(self, *, task_name: str, model: str, target_revision: str) -> None:
        """Release all revisions of a model but one from a task, of all hubs with the model's host name.

        Files that no task uses any more are deleted.

        Raises:
            InputError: For an empty argument.
        """
        if not (task_name and model and target_revision):
            raise InputError("taskName, modelWithHostname, and targetRevision are required.")
        await (await self._store()).delete_other_revisions(task_name, model, target_revision)

    async def delete_files_by_engine(self, engine_id: str) -> None:
        """Release all files from an engine. Those that no engine uses any more are deleted."""
        await (await self._store()).delete_by_engine(engine_id)

    async def purge(self) -> None:
        """Delete all models."""
        await (await self._store()).purge()

    async def pin(self, model: str, revision: str, *, keep: bool = True, root_url: str | None = None) -> None:
        """Exempt a model from eviction; ``keep=False`` undoes that.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.
            keep: False to undo it.
            root_url: Root of the model's hub; None for all hubs with its host name.

        Raises:
            InputError: For names that no model can have.
        """
        await (await self._store()).pin(model, revision, store_root(root_url), pinned=keep)

    async def verify(self, *, model: str, revision: str, root_url: str | None = None) -> list[VerifiedFile]:
        """Hash the stored bytes of a revision again, and delete damaged files. They are downloaded at their next use.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.
            root_url: Root of the model's hub; None for all hubs with its host name.

        Raises:
            InputError: For names that no model can have.
        """
        return await (await self._store()).verify(model, revision, store_root(root_url))

    async def _store(self) -> Store:
        return await (await current_context()).store()


def store_root(root_url: str | None) -> str | None:
    """Return the key of a hub in the store; errors as those of ``ModelHub(root_url)``."""
    from modelden.core.web_arguments import check_root_url

    return None if root_url is None else canonical_root(check_root_url("root_url", root_url))
