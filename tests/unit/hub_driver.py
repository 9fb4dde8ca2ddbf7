"""Does the steps of a recording of Firefox's hub with `modelden.ModelHub`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from modelden import default_context
from modelden.config import Configuration
from modelden.core.events import ProgressEvent
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError, RequestTimeout
from modelden.host.publish.http_fetcher import HttpResponse
from modelden.hub.catalog.names import canonical_root
from modelden.hub.store.records import key_of
from modelden.hub.store.schema import MODEL_FILES
from modelden.model_hub import DEFAULT_ENGINE, ModelHub
from modelden.ports import Delete, Put, Schema, Store
from tests.simulators.blobs import MemoryBlob
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PATIENCE, PageFetcher
from tests.simulators.profile import Profile
from tests.unit.hub_recording import firefox_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from tests.replay import ReplayServer

type Json = dict[str, Any]

_BUNDLE = Bundle(5, "engine-5.js", "runtime.wasm", "glue.mjs", "0" * 64, onnxruntime="1.22.0-dev", transformers="3.8.1")
_PORT = "18432"
_NAMES = {"taskName": "task_name", "model": "model", "revision": "revision"}
_EVERYTHING = [{"filter": "ALLOW", "urlPrefix": ""}]


@dataclass(frozen=True)
class Done:
    """The result of a step.

    Attributes:
        outcome: What was returned, or the class of the error.
        events: Progress, by our names.
    """

    outcome: Any
    events: list[Json]


class RecordedFetcher(PageFetcher):
    """A request times out if its recorded delay is longer than its timeout. All others have time on a busy machine."""

    def __init__(self, server: ReplayServer) -> None:
        super().__init__(patience=PATIENCE)
        self._server = server

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  as in the port
        **options: Any,
    ) -> AsyncIterator[HttpResponse]:
        if timeout is not None and self._server.delay(method, url) > timeout:
            await self._send(method, url)
            raise RequestTimeout(url, timeout)
        async with super().fetch(url, method=method, timeout=timeout, **options) as response:
            yield response

    async def _send(self, method: str, url: str) -> None:
        """Send a request, and give it up when the server has it."""

        async def fetch() -> None:
            async with super(RecordedFetcher, self).fetch(url, method=method):
                pass

        before = len(self._server.log())
        sending = asyncio.ensure_future(fetch())
        while len(self._server.log()) == before:  # noqa: ASYNC110  the server is in another thread
            await asyncio.sleep(0.01)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


class HubDriver:
    """One browser profile, against the servers of a recording."""

    def __init__(self, server: ReplayServer, truth: Json, monkeypatch: pytest.MonkeyPatch) -> None:
        self._port = server.hub_url.rpartition(":")[2]
        config = Configuration(settings_server=server.settings_url, root_hash=server.root_hash)
        self.profile = Profile(config, RecordedFetcher(server), _BUNDLE, ScriptedEngines([]))
        self._monkeypatch = monkeypatch
        self._everything = "MOZ_ALLOW_EXTERNAL_ML_HUB" in (truth.get("env") or {})
        self._hubs: dict[str, ModelHub] = {}
        self._visit(truth["prefs"].get("browser.ml.modelCacheMaxSize"))

    def _visit(self, max_size: float | None) -> None:
        context = self.profile.visit(replace(self.profile.config, max_cache_size=max_size))
        self._monkeypatch.setattr(default_context.page, "context", context)

    async def do(self, op: str, args: Json) -> Done:
        """Do a step."""
        events: list[ProgressEvent] = []
        try:
            outcome = await getattr(self, f"_{op}")(args, events)
        except (ModelDenError, asyncio.CancelledError) as error:
            outcome = type(error).__name__
        text = json.dumps([asdict(event) for event in events]).replace(self._port, _PORT)
        return Done(outcome, json.loads(text))

    async def _newHub(self, args: Json, _: object) -> None:  # noqa: N802 the recordings' name
        options = args["options"]
        # The lists of recordings are given or absent; without one, Firefox admits localhost alone.
        admitted = _EVERYTHING if self._everything else self._local(options.get("allowDenyList") or [])
        root_url = self._local(options["rootUrl"])
        hub = self._hubs[args["name"]] = ModelHub(root_url, options["urlTemplate"], admitted)
        if options.get("reset"):
            await hub.purge()

    async def _hub(self, args: Json, events: list[ProgressEvent]) -> Any:
        hub, options = self._hubs[args["hub"]], args.get("options") or {}
        match args["method"]:
            case "getETag":
                url, *limit = args["args"]
                return await hub.get_etag(self._local(url), *(each / 1000 for each in limit))
            case "listModels":
                models = await hub.list_models()
                return [{"taskName": m.task_names[0], "name": m.name, "revision": m.revision} for m in models]
            case "listFiles":
                files = await hub.list_files(**_given(options))
                listed = [{"path": f.path, "fileSize": f.size, "ETag": f.etag or "NO_ETAG"} for f in files]
                return {"files": listed, "totalSize": sum(file.size for file in files)}
            case "deleteModels":
                return await hub.delete_models(**_given(options))
            case "deleteFilesByEngine":
                return await hub.delete_files_by_engine(options["engineId"])
            case "deleteNonMatchingModelRevisions":
                names = ("task_name", "model", "target_revision")
                values = [each if isinstance(each, str) else "" for each in args["args"]]
                return await hub.delete_non_matching_model_revisions(**dict(zip(names, values, strict=True)))
            case "purgeDatabase":
                return await hub.purge()
        return await self._read(hub, args, options, events)

    async def _read(self, hub: ModelHub, args: Json, options: Json, events: list[ProgressEvent]) -> Json:
        if root_url := options.get("modelHubRootUrl"):
            hub = ModelHub(self._local(root_url), "{model}/{revision}", [])
        reading: asyncio.Future[Any] | None = None

        def follow(event: ProgressEvent) -> None:
            events.append(event)
            if args.get("abort") == "first-chunk" and event.total_loaded and reading is not None:
                reading.cancel()

        task_name, engine_id = options["taskName"], options["engineId"]
        reading = asyncio.ensure_future(
            hub.get_model_file(
                task_name=task_name if isinstance(task_name, str) else "",
                model=options["model"],
                revision=options["revision"],
                file=options["file"],
                engine_id=engine_id if isinstance(engine_id, str) else DEFAULT_ENGINE,
                on_progress=follow if args["progress"] else None,
            )
        )
        if args.get("abort") == "before":
            reading.cancel()
        file = await reading
        data = await file.read()
        headers = [name for name in file.headers if name not in ("lastUpdated", "lastUsed")]
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "headers": headers}

    async def _parallel(self, args: Json, _: object) -> list[Json]:
        done = await asyncio.gather(*(self.do(step["op"], step["args"]) for step in args["steps"]))
        return [{"outcome": each.outcome, "events": each.events} for each in done]

    async def _setPref(self, args: Json, _: object) -> None:  # noqa: N802  the recording's name
        self._visit(args["value"])

    async def _makeOldDB(self, args: Json, _: object) -> None:  # noqa: N802  the recording's name
        """Leave a database as an earlier version had it."""
        stores = {name: Store(tuple(each["keyPath"]), {}) for name, each in args["stores"].items()}
        schema = Schema(MODEL_FILES.name, args["version"], stores, compatible_since=0)
        database = await self.profile.databases.open(schema)
        rows = [Put(name, row) for name, each in args["stores"].items() for row in each.get("records", [])]
        await database.commit(rows)

    async def _opfsWrite(self, args: Json, _: object) -> None:  # noqa: N802  the recording's name
        """Bytes that nothing names. A database of an earlier version has no place for them."""
        database = self.profile.databases["modelFiles"]
        if database.schema.version == MODEL_FILES.version:
            content = {"content": args["path"], "index": "000000"}
            await database.commit([Put("chunks", content, {("data",): MemoryBlob(args["text"].encode(), "")})])

    async def _opfsRemove(self, args: Json, _: object) -> None:  # noqa: N802  the recording's name
        """Bytes go, what is noted of them stays."""
        database = self.profile.databases["modelFiles"]
        (file,) = [row for row in await database.get_all("files") if args["path"] == f"modelFiles/{key_of(row).name}"]
        await database.commit([Delete("chunks", (file["content"], "000000"))])

    async def _idbDelete(self, args: Json, _: object) -> None:  # noqa: N802  the recording's name
        key = (*args["key"], canonical_root(f"http://localhost:{self._port}"))
        await self.profile.databases["modelFiles"].commit([Delete(args["store"], key)])

    def rows(self, store: str) -> list[Json]:
        """The stored rows, as Firefox would have them: without the roots of hubs."""
        return list(map(firefox_row, self.profile.databases.contents().get("modelFiles", {}).get(store, [])))

    async def close(self) -> None:
        await self.profile.close()

    def _local(self, value: Any) -> Any:
        """The same URLs with the port of this server in place of the recorded one."""
        return json.loads(json.dumps(value).replace(_PORT, self._port))


def _given(options: Json) -> Json:
    return {_NAMES[name]: value for name, value in options.items() if name in _NAMES}
