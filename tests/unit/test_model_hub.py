"""The care of stored models: verified, persistent, with the picture of their maker."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelden import default_context, storage_info
from modelden.engine.options import PipelineOptions
from modelden.errors import InputError
from modelden.host.serve.cors import AnyOrigin
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.records import FileKey
from modelden.huggingface import hub_download
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.model_hub import ModelHub
from modelden.onnxruntime import InferenceSession
from modelden.ports import Put
from modelden.sharing import import_files
from tests.simulators.blobs import MemoryBlob
from tests.simulators.fetcher import AsgiFetcher, PageFetcher
from tests.simulators.loop import settle
from tests.unit.conftest import FILES, HUB_ROOT, ORIGIN

if TYPE_CHECKING:
    from tests.simulators.profile import Profile

WEIGHTS = "onnx/model_quantized.onnx"
KEPT = "localhost/org/tiny"
EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)


@pytest.fixture
def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> ModelHub:
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return ModelHub(allow_deny_list=[{"filter": "ALLOW", "urlPrefix": f"{ORIGIN}/hub/"}])


async def read(hub: ModelHub, file: str, revision: str = "v1.0") -> bytes:
    found = await hub.get_model_file(task_name="task", model="org/tiny", revision=revision, file=file)
    return await found.read()


async def damage(profile: Profile, file: str, body: bytes) -> None:
    """Other bytes in place of a file's."""
    database = await profile.database("modelFiles")
    row = await database.get("files", FileKey(KEPT, "v1.0", file, HUB_ROOT).id)
    assert row is not None
    content = {"content": row["content"], "index": "000000"}
    await database.commit([Put("chunks", content, {("data",): MemoryBlob(body, "")})])


async def test_whole_files_are_verified(profile: Profile, hub: ModelHub) -> None:
    for file in FILES:
        await read(hub, file)
    profile.requests()
    found = await hub.verify(model=KEPT, revision="v1.0")

    assert {each.path: (each.ok, each.actual) for each in found} == {
        path: (True, hashlib.sha256(content).hexdigest()) for path, content in FILES.items()
    }
    assert profile.requests() == []


async def test_damaged_bytes_are_found_removed_and_fetched_again_once(profile: Profile, hub: ModelHub) -> None:
    for revision in ("v1.0", "main"):  # the same bytes, kept once
        await read(hub, WEIGHTS, revision)
    await read(hub, "config.json")
    forged = FILES[WEIGHTS][::-1]
    await damage(profile, WEIGHTS, forged)
    assert await read(hub, WEIGHTS) == forged  # its size is right: only a hash tells

    found = {each.path: each for each in await hub.verify(model=KEPT, revision="v1.0")}
    assert (found["config.json"].ok, found[WEIGHTS].ok) == (True, False)
    assert found[WEIGHTS].actual == hashlib.sha256(forged).hexdigest()
    assert found[WEIGHTS].expected == hashlib.sha256(FILES[WEIGHTS]).hexdigest()
    assert [model.revision for model in await hub.list_models()] == ["v1.0"]

    profile.requests()
    for _ in range(2):
        assert await read(hub, WEIGHTS) == FILES[WEIGHTS]
    assert profile.requests() == [f"GET /hub/org/tiny/v1.0/{WEIGHTS}?download=true"]


async def test_a_file_of_another_size_is_dropped_and_fetched_again_once(profile: Profile, hub: ModelHub) -> None:
    await read(hub, WEIGHTS)
    await damage(profile, WEIGHTS, b"short")
    profile.requests()
    for _ in range(2):
        assert await read(hub, WEIGHTS) == FILES[WEIGHTS]
    assert profile.requests() == [f"GET /hub/org/tiny/v1.0/{WEIGHTS}?download=true"]


async def test_verifying_needs_names(hub: ModelHub) -> None:
    unusable: Any = None
    for names in ({"model": unusable, "revision": "v1.0"}, {"model": KEPT, "revision": unusable}):
        with pytest.raises(InputError, match="expected a text, got None"):
            await hub.verify(**names)


async def test_the_browser_is_asked_once_to_keep_what_is_complete(profile: Profile, hub: ModelHub) -> None:
    asked = []
    persist = profile.page.persist

    async def counted() -> bool | None:
        asked.append(1)
        return await persist()

    profile.page.persist = counted  # type: ignore[method-assign]  # a simulator's
    await read(hub, "config.json")
    assert (asked, (await storage_info()).persisted) == ([], False)
    context = await default_context.current_context()
    for _ in range(2):
        await context.create_engine(EMBED)
        await settle()
    assert (asked, (await storage_info()).persisted) == ([1], True)


async def created(_: ModelHub) -> None:
    await (await default_context.current_context()).create_engine(EMBED)


async def prefetched(_: ModelHub) -> None:
    await (await default_context.current_context()).prefetch(EMBED)


async def downloaded(hub: ModelHub) -> None:
    await hub_download("org/tiny", "config.json", revision="v1.0", hub=hub)


async def imported(hub: ModelHub) -> None:
    await import_files({"config.json": b"{}"}, model="org/tiny", revision="v1.0", hub=hub)


async def opened(_: ModelHub) -> None:
    source = OnnxSource(ModelFile("org/tiny", "v1.0", WEIGHTS))
    await InferenceSession.load(source)


@pytest.mark.parametrize("way", [created, prefetched, downloaded, imported, opened])
async def test_whatever_brings_a_model_asks_to_keep_it_and_tidies_up(
    profile: Profile, hub: ModelHub, way: Callable[[ModelHub], Awaitable[None]]
) -> None:
    await way(hub)
    await settle()

    assert (profile.page.persisted, (await storage_info()).may_ask) == (True, True)


async def test_who_brings_nothing_asks_for_nothing(profile: Profile, hub: ModelHub) -> None:
    await read(hub, "config.json")
    other = profile.visit()
    await (await other.store()).list_models()

    other.tidy()
    await settle()

    assert not profile.page.persisted


class Icons:
    """Hugging Face's pictures of owners."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.app = Starlette(routes=[Route("/api/{kind}/{owner}/avatar", self._icon)])

    async def _icon(self, request: Any) -> Any:
        picture = self.pictures.get("/".join(request.path_params.values()))
        return AnyOrigin(PlainTextResponse("", 404) if picture is None else Response(picture), ())


@pytest.fixture
def icons(profile: Profile) -> Icons:
    icons = Icons()
    profile.fetcher = AsgiFetcher(icons.app)
    return icons


async def test_owners_have_pictures(icons: Icons, hub: ModelHub, profile: Profile) -> None:
    icons.pictures = {"organizations/acme": b"organization", "users/jane": b"person"}
    assert await hub.owner_icon("huggingface.co/acme/model") == b"organization"
    assert await hub.owner_icon("model-hub.mozilla.org/jane/model") == b"person"
    assert await hub.owner_icon("huggingface.co/nobody/model") is None
    assert profile.requests()[-2:] == [
        "GET /api/organizations/nobody/avatar?redirect=true",
        "GET /api/users/nobody/avatar?redirect=true",
    ]


async def test_other_hubs_are_not_asked_for_pictures(hub: ModelHub, profile: Profile) -> None:
    assert await hub.owner_icon("localhost/acme/model") is None
    assert profile.requests() == []


async def test_what_is_too_large_is_no_picture(icons: Icons, hub: ModelHub) -> None:
    icons.pictures = {"organizations/acme": bytes(2_000_000), "users/acme": b"person"}
    assert await hub.owner_icon("huggingface.co/acme/model") == b"person"


async def test_without_a_network_there_is_no_picture(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    class Offline(PageFetcher):
        def fetch(self, url: str, **rest: Any) -> Any:
            return super().fetch(url.replace("https://huggingface.co", "http://localhost:1"), **rest)

    profile.fetcher = Offline()
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    assert await ModelHub().owner_icon("huggingface.co/acme/model") is None


async def test_a_file_as_response(hub: ModelHub) -> None:
    found = await hub.get_model_file(task_name="task", model="org/tiny", revision="v1.0", file="config.json")
    response = found.response()
    digest = hashlib.sha256(FILES["config.json"]).hexdigest()
    assert response.headers == {
        "content-type": "application/json",
        "content-length": str(len(FILES["config.json"])),
        "etag": f'"{digest}"',
    }
    assert [piece async for piece in response.chunks()] == [await response.read()] == [FILES["config.json"]]
    assert await response.text() == FILES["config.json"].decode()
    assert await response.json() == {"model_type": "bert"}


@pytest.mark.parametrize(
    "records",
    ["https://hub.example/", 7, {"filter": "ALLOW"}, ["https://hub.example/"], [None], [{"filter": "DENY"}]],
    ids=repr,
)
def test_an_allow_list_of_something_else_is_refused_at_once(records: Any) -> None:
    with pytest.raises(InputError, match=r"allow_deny_list: .* should"):
        ModelHub(allow_deny_list=records)


@pytest.mark.parametrize("aim", [{}, {"task_name": "task"}, {"root_url": HUB_ROOT}])
async def test_a_revision_without_a_model_deletes_nothing(hub: ModelHub, aim: dict[str, str]) -> None:
    await read(hub, "config.json")
    with pytest.raises(InputError, match=r"Invalid query configuration.*give model="):
        await hub.delete_models(revision="v1.0", **aim)

    assert [model.name for model in await hub.list_models()] == [KEPT]
