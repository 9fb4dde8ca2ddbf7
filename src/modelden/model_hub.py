"""`ModelHub`: one hub, and the models stored in this browser, by the method names of Firefox's ``ModelHub``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelden.core.argument_checks import check_methods
from modelden.core.arguments import check_number
from modelden.default_context import current_context
from modelden.errors import FileNotFoundOnHub, InputError
from modelden.hub.catalog.names import HubAddress, ModelFile, check_names
from modelden.hub_file import HubFile
from modelden.stored_models import StoredModels

if TYPE_CHECKING:
    from modelden.context import Context
    from modelden.core.events import ProgressCallback
    from modelden.hub.catalog.allow_list import AllowList
    from modelden.hub.catalog.file_index import Lists
    from modelden.hub.catalog.file_roles import DataType
    from modelden.hub.catalog.model_overview import ModelFiles
    from modelden.hub.files import HubFiles
    from modelden.hub.store.usage import Consumer

DEFAULT_ENGINE = "default-engine"
"""Consumer of a file when no engine is named (Firefox: the default of ``engineId``)."""
_CARD_LIMIT = 2 * 1024 * 1024  # bytes of a model card


@check_methods
class ModelHub(StoredModels):
    """One hub, and the stored models of all hubs.

    Names of stored models are ``hostname/organization/name``, as in Firefox. Hubs with one host name (another port,
    path or scheme) can have models of one name. There ``root_url`` tells them apart; without it, a call is for all.
    """

    __module__ = "modelden"

    def __init__(
        self,
        root_url: str | None = None,
        url_template: str | None = None,
        allow_deny_list: Sequence[Mapping[str, Any]] | None = None,
        *,
        hubs: Sequence[str] = (),
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a hub. Arguments that are missing are those of `modelden.configure`.

        Args:
            root_url: Root of the hub.
            url_template: Path below it, with ``{model}`` and ``{revision}``.
            allow_deny_list: Records as in the collection ``ml-model-allow-deny-list``, in place of it.
            hubs: Roots of mirrors, tried in this order when the hub fails or serves a wrong file. Only for files whose
                hash is known: by the hub's headers before it failed, its list of files, or a signed manifest.
            token: Sent to the hub alone, as ``Authorization: Bearer``. Never logged, never stored.
            headers: As ``token``. With others than ``Authorization``, redirects of the hub are refused.

        Raises:
            InputError: For a root or template that no hub can have, or for a list with something else than records.
        """
        from modelden.core.web_arguments import auth_headers, check_root_url, check_roots, check_url_template
        from modelden.hub.catalog.allow_list import AllowList

        self._root_url = None if root_url is None else check_root_url("root_url", root_url)
        if url_template is not None:
            check_url_template("url_template", url_template)
        self._url_template = url_template
        self._own_allow_list = None if allow_deny_list is None else AllowList.of_argument(allow_deny_list)
        self._hubs = check_roots("hubs", hubs)
        self._own_files: tuple[Context, HubFiles] | None = None
        self._headers = auth_headers(headers, token)

    async def parse_url(self, url: str) -> ModelFile:
        """Return the model, revision and file that an absolute URL of this hub names.

        Raises:
            InputError: If the URL is not one of this hub's files.
        """
        return (await self._address()).parse(url)

    @staticmethod
    def check_input(model: str, revision: str, file: str) -> None:
        """Check the names of a file.

        Raises:
            InputError: If no hub can have such a file; with Firefox's message.
        """
        check_names(model, revision, file)

    async def get_etag(self, url: str, timeout: float = 1.0) -> str | None:  # noqa: ASYNC109 Firefox's parameter
        """Return the entity tag of a URL, or None if the hub does not send it in time.

        Args:
            url: URL of a file.
            timeout: Seconds to wait.

        Raises:
            ForbiddenURL: If the allow/deny list does not admit the URL.
        """
        check_number("timeout", timeout, -1, 1e6)
        (await self._allow_list()).check(url)
        return ((await (await self.open()).send_head(url, timeout))[1] or {}).get("etag")

    async def get_model_file(
        self,
        *,
        task_name: str,
        model: str,
        revision: str,
        file: str,
        engine_id: str = DEFAULT_ENGINE,
        on_progress: ProgressCallback | None = None,
    ) -> HubFile:
        """Return a file, downloading it if needed.

        Args:
            task_name: The task that uses it; stored with the file.
            model: ``organization/name``.
            revision: Branch or version.
            file: Path in the repository.
            engine_id: The engine that uses it; stored with the file.
            on_progress: Called with Firefox's events.

        Raises:
            InputError: For names that no hub can have.
            ForbiddenURL: If the allow/deny list does not admit the file.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            UntrustedError: If the hub served something else; nothing of it is stored.
            StorageError: If the browser cannot store it, and ``memory_when_full`` is off.
        """
        from modelden.hub.store.usage import Consumer

        if not task_name:
            raise InputError(f"task_name: expected the name of a task, got {task_name!r}.")
        return await self.fetch(ModelFile(model, revision, file), Consumer(task_name, engine_id), on_progress)

    async def fetch(
        self, names: ModelFile, consumer: Consumer, on_progress: ProgressCallback | None, lists: Lists | None = None
    ) -> HubFile:
        """Return a file, for this package's own use; see `get_model_file` and, for ``lists``, `HubFiles.get`."""
        allow_list = await self._allow_list()
        cached = await (await self.open()).get(names, consumer, allow_list, on_progress, lists=lists)
        facts = cached.blob.size, cached.sha256, cached.integrity, cached.fields, cached.blob
        return HubFile(names.model, names.revision, names.file, *facts)

    async def model_files(
        self, model: str, revision: str = "main", *, task: str | None = None, dtype: DataType = "q8"
    ) -> ModelFiles:
        """Return a model's files: those that a task needs, those that are stored, those that are never downloaded.

        The sizes come from a signed manifest, else from Hugging Face's list of a repository. Without either the sizes
        are None, and ``reason`` says why.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            task: The task that the model is for.
            dtype: Its data type, or that of each part, as for `create_engine`.

        Raises:
            InputError: For names that no hub can have, and for other data types.
            UnknownTask: For a task that no engine knows.
            ForbiddenURL: If the allow/deny list does not admit the model.
            UntrustedError: If the manifest cannot be trusted.
        """
        from modelden.engine.model_selection import check_onnx_dtype, known_task

        task = None if task is None else known_task(task)
        check_onnx_dtype(dtype)
        return await (await self.open()).remote.list_files(model, revision, await self._allow_list(), task, dtype)

    async def model_card(self, model: str, revision: str = "main") -> str:
        """Return the model card: its ``README.md``, else its ``model_card.json``. It is not stored.

        Args:
            model: ``organization/name``.
            revision: Branch or version.

        Raises:
            InputError: For names that no hub can have.
            ForbiddenURL: If the allow/deny list does not admit the model.
            FileNotFoundOnHub: If it has no card.
            UnavailableError: If it cannot be fetched.
            ResponseTooLarge: If it has more than 2 MiB.
        """
        hub, card = await self.open(), ModelFile(model, revision, "README.md")
        try:
            return await hub.remote.read_text(card, _CARD_LIMIT, await self._allow_list())
        except FileNotFoundOnHub:
            return await hub.remote.read_text(
                replace(card, file="model_card.json"), _CARD_LIMIT, await self._allow_list()
            )

    async def owner_icon(self, model: str) -> bytes | None:
        """Return the picture of a model's owner, from the hubs of Hugging Face and Mozilla; else None.

        Args:
            model: ``hostname/organization/name``.
        """
        from modelden.hub.catalog.repository import owner_icon  # rare

        return await owner_icon((await current_context()).ports.fetcher, model)

    async def _address(self) -> HubAddress:
        config = (await current_context()).config
        return HubAddress(self._root_url or config.hub_root_url, self._url_template or config.hub_url_template)

    async def open(self) -> HubFiles:
        """Return the hub's files, for this package's own use."""
        context = await current_context()
        if not (self._root_url or self._url_template or self._hubs or self._headers):
            return await context.hub()
        address = await self._address()
        own, policy = tuple(address._replace(root_url=root) for root in self._hubs), context.policy(address)
        policy = replace(policy, headers={**policy.headers, **self._headers}, mirrors=own or policy.mirrors)
        if self._own_files is None or self._own_files[0] is not context:
            self._own_files = context, await context.hub_at(address, policy)
        return self._own_files[1]

    async def _allow_list(self) -> AllowList:
        if self._own_allow_list is not None:
            return self._own_allow_list
        return await (await current_context()).allow_list()
