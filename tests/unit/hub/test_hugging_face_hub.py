"""Hugging Face's hub from a page: a storage with tags of its own, one list for a revision, refusals in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from modelden.errors import (
    AccessDenied,
    FileNotFoundOnHub,
    IntegrityError,
    NetworkError,
    NoHash,
    QuotaExceeded,
    UnavailableError,
)
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_index import Lists
from modelden.hub.catalog.file_roles import USUAL_PLACE
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.download import chunk_writer
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import CachedFile
from tests.faults.hub import FaultyHub
from tests.simulators.hugging_face import TOKEN, HuggingFaceServer
from tests.unit.hub.browser import BIG, CHUNK, USE, Browser

MODEL = "org/model"
WEIGHTS, CONFIG = "onnx/model.onnx", "config.json"
FILES = {WEIGHTS: BIG, CONFIG: b'{"model_type": "bert"}', "tokenizer.json": b"{}", "tokenizer_config.json": b"{}"}
LISTS = (f"GET /api/models/{MODEL}/revision/", f"GET /api/models/{MODEL}/tree/")
ANY = AllowList((), ())


@pytest.fixture(params=[True, False], ids=["exposed", "hidden"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HuggingFaceServer]:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with HuggingFaceServer(MODEL, tmp_path, exposed=request.param) as server:
        yield server


@pytest.fixture
async def browser(server: HuggingFaceServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    monkeypatch.setattr(chunk_writer, "CHUNK_SIZE", CHUNK)
    browser = Browser(FaultyHub({}), server.url)
    browser.template = "{model}/resolve/{revision}"
    yield browser
    await browser.fetcher.close()


async def get(hub: HubFiles, path: str, revision: str = "main") -> CachedFile:
    return await hub.get(ModelFile(MODEL, revision, path), USE, ANY)


def change(server: HuggingFaceServer, path: str, data: bytes) -> None:
    (server.hub.folder / path).write_bytes(data)


def lists(requests: list[str]) -> int:
    return sum(each.startswith(LISTS) for each in requests)


@pytest.mark.parametrize("revision", ["main", "v1"])
async def test_one_list_checks_all_files_of_a_revision(
    server: HuggingFaceServer, browser: Browser, revision: str
) -> None:
    hub = await browser.visit(HubPolicy(require_hashes=True))
    for path, data in FILES.items():
        kept = await get(hub, path, revision)
        assert (await kept.blob.read(), kept.integrity) == (data, "hub")
    assert lists(server.requests()) == 1

    hub = await browser.visit(HubPolicy(require_hashes=True))
    for path, data in FILES.items():
        assert await (await get(hub, path, revision)).blob.read() == data
    requests = server.requests()
    assert lists(requests) == (
        0 if server.exposed or revision == "v1" else 1
    )  # without tags the list says what changed
    assert not [each for each in requests if each.startswith("GET /xet-bridge")]


@pytest.mark.parametrize("path", [WEIGHTS, CONFIG])
async def test_other_bytes_than_the_listed_ones_are_refused(
    server: HuggingFaceServer, browser: Browser, path: str
) -> None:
    server.hub.lies.add(path)
    with pytest.raises(IntegrityError):
        await get(await browser.visit(), path)
    assert "files" not in browser.stored()


async def test_without_a_list_files_load_and_nothing_vouches_for_them(
    server: HuggingFaceServer, browser: Browser
) -> None:
    server.hub.lists = False
    hub = await browser.visit()
    for path in (CONFIG, WEIGHTS):
        assert (await get(hub, path)).integrity == "first-seen"
    assert lists(server.requests()) == 1
    with pytest.raises(NoHash):
        await get(await browser.visit(HubPolicy(require_hashes=True)), "tokenizer.json")


@pytest.mark.parametrize("path", [WEIGHTS, CONFIG])
@pytest.mark.parametrize("revision", ["main", "refs/pr/1", "feature/x"])
async def test_an_update_of_the_branch_in_the_same_visit(
    server: HuggingFaceServer, browser: Browser, path: str, revision: str
) -> None:
    """The list in use is older than the branch. Without readable tags only a list can tell of the change."""
    hub = await browser.visit()
    await get(hub, path, revision)
    browser.clock.advance(hours=1)
    new = FILES[path][::-1] if path == WEIGHTS else b'{"model_type": "gpt2"}'
    change(server, path, new)

    kept = await get(hub, path, revision)

    assert (await kept.blob.read(), kept.integrity) == (new, "hub")
    server.requests()
    assert await (await get(hub, path, revision)).blob.read() == new
    assert not [each for each in server.requests() if "xet-bridge" in each and each.startswith("GET")]


@pytest.mark.parametrize("revision", ["v1_0", "refs/tags/v1", "commit"])
async def test_a_tag_and_a_commit_are_pinned(server: HuggingFaceServer, browser: Browser, revision: str) -> None:
    revision = server.hub.commit if revision == "commit" else revision
    hub = await browser.visit()
    assert await (await get(hub, CONFIG, revision)).blob.read() == FILES[CONFIG]
    server.requests()
    browser.clock.advance(hours=1)

    assert await (await get(await browser.visit(), CONFIG, revision)).blob.read() == FILES[CONFIG]
    assert server.requests() == []


async def test_bytes_that_are_stored_are_linked_by_a_list_that_is_as_new_as_the_tag(
    server: HuggingFaceServer, browser: Browser
) -> None:
    hub = await browser.visit()
    await get(hub, WEIGHTS, "v1")
    await get(hub, CONFIG, "main")  # the list of the branch has the old weights
    change(server, WEIGHTS, BIG[::-1])
    server.requests()

    kept = await get(hub, WEIGHTS, "main")
    assert await kept.blob.read() == BIG[::-1]

    change(server, WEIGHTS, BIG)
    browser.clock.advance(hours=1)
    server.requests()
    kept = await get(hub, WEIGHTS, "main")
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")
    assert not [each for each in server.requests() if each.startswith("GET /xet-bridge")]
    await get(await browser.visit(), WEIGHTS, "main")
    assert not [each for each in server.requests() if each.startswith("GET /xet-bridge")]


async def test_an_interrupted_download_goes_on(server: HuggingFaceServer, browser: Browser) -> None:
    cut = Fault(path="/xet-bridge/*", method="GET", cut_after=len(BIG) // 2, times=1)
    server.storage_faults.set(cut, Fault(path="/xet-bridge/*", method="GET", close=True))
    with pytest.raises(NetworkError):
        await get(await browser.visit(), WEIGHTS)
    assert "partials" in browser.stored()
    server.storage_faults.set()

    kept = await get(await browser.visit(), WEIGHTS)
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")


async def test_a_mirror_brings_large_files_when_the_storage_is_down(
    server: HuggingFaceServer, browser: Browser
) -> None:
    server.storage_faults.set(Fault(path="/xet-bridge/*", status=404))
    server.faults.set(Fault(path=f"/{MODEL}/resolve/main/{WEIGHTS}", method="GET", status=503))
    mirror = FaultyHub({f"/{MODEL}/main/{WEIGHTS}": BIG})
    with RunningServer(mirror) as mirror_server:
        policy = HubPolicy(mirrors=(HubAddress(mirror_server.url, "{model}/{revision}"),))
        kept = await get(await browser.visit(policy), WEIGHTS)
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")


async def test_space_for_the_whole_model_is_asked_for_before_its_first_weight(
    server: HuggingFaceServer, browser: Browser
) -> None:
    hub = await browser.visit()
    needed = sum(map(len, FILES.values()))
    browser.page.leave(needed - 1)
    with pytest.raises(QuotaExceeded):
        await hub.preflight.check_task(MODEL, "main", "feature-extraction", "fp32")
    assert server.requests() == [f"GET /api/models/{MODEL}/revision/main"]

    browser.page.leave(needed)
    await hub.preflight.check_task(MODEL, "main", "feature-extraction", "fp32")
    sizes = await hub.preflight.download_sizes(
        MODEL, "main", "feature-extraction", "fp32", USUAL_PLACE, ANY, signed_only=False
    )
    assert sum(sizes.values()) == needed
    assert server.requests() == []


async def test_a_list_of_several_pages(server: HuggingFaceServer, browser: Browser) -> None:
    """Of a hub that tells the commit alone. Without the header Link a page cannot know that another one follows."""
    server.hub.blobs = False
    server.hub.page_size = 2
    kept = await get(await browser.visit(), "tokenizer_config.json")
    trees = [each for each in server.requests() if "/tree/" in each]
    assert trees[0] == f"GET /api/models/{MODEL}/tree/{server.hub.commit}"
    is_exposed = len(trees) == 2
    assert kept.integrity == ("hub" if is_exposed else "first-seen")


# --- commits


@pytest.mark.parametrize("blobs", [True, False])
async def test_all_files_of_a_load_are_of_the_commit_of_its_list(
    server: HuggingFaceServer, browser: Browser, *, blobs: bool
) -> None:
    server.hub.blobs = blobs
    hub = await browser.visit()
    async with hub.update_branch() as branch:
        first = await hub.get(ModelFile(MODEL, "main", CONFIG), USE, ANY, branch=branch)
        change(server, CONFIG, b'{"model_type": "gpt2"}')
        change(server, WEIGHTS, BIG[::-1])
        browser.clock.advance(hours=1)
        second = await hub.get(ModelFile(MODEL, "main", WEIGHTS), USE, ANY, branch=branch)
        await branch.commit()
    assert [await file.blob.read() for file in (first, second)] == [FILES[CONFIG], BIG]
    assert lists(server.requests()) == (1 if blobs else 2)

    hub = await browser.visit()
    async with hub.update_branch() as branch:
        files = [await hub.get(ModelFile(MODEL, "main", path), USE, ANY, branch=branch) for path in (CONFIG, WEIGHTS)]
        await branch.commit()
    assert [await file.blob.read() for file in files] == [b'{"model_type": "gpt2"}', BIG[::-1]]
    assert [file.integrity for file in files] == ["hub", "hub"]


async def test_a_branch_that_moves_after_a_stored_file_was_compared(
    server: HuggingFaceServer, browser: Browser
) -> None:
    """The list comes later, with the first download, and is of another commit than the stored file."""
    await get(await browser.visit(), CONFIG)
    browser.clock.advance(hours=1)
    new = {CONFIG: b'{"model_type": "gpt2"}', WEIGHTS: BIG[::-1]}
    hub, attempts = await browser.visit(), 0

    async def load(branch: BranchUpdate) -> dict[str, bytes]:
        nonlocal attempts
        attempts += 1
        files = {}
        for path in (CONFIG, WEIGHTS):
            file = await hub.get(ModelFile(MODEL, "main", path), USE, ANY, branch=branch)
            files[path] = await file.blob.read()
            for changed, data in new.items():
                change(server, changed, data)
        await branch.commit()
        return files

    loaded, error = await hub.load_branch(load)
    assert error is None
    if server.exposed:
        assert (loaded, attempts) == (new, 2)
    else:  # without tags the first file was compared with a list already
        assert (loaded, attempts) == ({path: FILES[path] for path in new}, 1)


async def test_stored_files_of_a_snapshot_are_compared_with_its_list(
    server: HuggingFaceServer, browser: Browser
) -> None:
    await get(await browser.visit(), CONFIG)
    browser.clock.advance(hours=1)
    hub = await browser.visit()
    lists: Lists = {}
    files = [await hub.get(ModelFile(MODEL, "main", CONFIG), USE, ANY, lists=lists)]
    change(server, CONFIG, b'{"model_type": "gpt2"}')
    change(server, WEIGHTS, BIG[::-1])
    browser.clock.advance(hours=1)
    files.append(await hub.get(ModelFile(MODEL, "main", WEIGHTS), USE, ANY, lists=lists))
    assert [await file.blob.read() for file in files] == [FILES[CONFIG], BIG]


async def test_a_file_that_changes_right_after_a_load_is_updated_at_once(
    server: HuggingFaceServer, browser: Browser
) -> None:
    """The list of the first load is a moment old, and of the old commit."""
    hub = await browser.visit()
    for data in (BIG, BIG[::-1]):
        change(server, WEIGHTS, data)
        server.requests()
        async with hub.update_branch() as branch:
            kept = await hub.get(ModelFile(MODEL, "main", WEIGHTS), USE, ANY, branch=branch)
            await branch.commit()
        if server.exposed or data == BIG:  # else the list tells, which is used for some seconds
            assert await kept.blob.read() == data
            assert len([each for each in server.requests() if each.startswith("GET /xet-bridge")]) == 1


async def test_files_that_are_downloaded_together_are_of_one_commit(
    server: HuggingFaceServer, browser: Browser
) -> None:
    hub = await browser.visit()
    files = []
    lists: Lists = {}
    for path in (CONFIG, WEIGHTS, "tokenizer.json"):
        files.append(await hub.get(ModelFile(MODEL, "main", path), USE, ANY, lists=lists))
        change(server, WEIGHTS, BIG[::-1])
        browser.clock.advance(hours=1)
    assert [await file.blob.read() for file in files] == [FILES[CONFIG], BIG, FILES["tokenizer.json"]]
    assert {file.integrity for file in files} == {"hub"}


@pytest.mark.parametrize("sha", ["main", "", "../../../evil", 7, None])
async def test_a_commit_is_a_hash(server: HuggingFaceServer, browser: Browser, sha: object) -> None:
    """It becomes a part of URLs."""
    info = json.dumps({"sha": sha, "siblings": []})
    server.faults.set(Fault(path=f"/api/models/{MODEL}/revision/main", body=info))
    kept = await get(await browser.visit(), CONFIG)
    assert (await kept.blob.read(), kept.integrity) == (FILES[CONFIG], "first-seen")
    assert not [each for each in server.requests() if "evil" in each]


# --- refusals


REFUSED = ModelFile(MODEL, "main", CONFIG)


async def refused(browser: Browser, file: ModelFile, policy: HubPolicy | None = None) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        await (await browser.visit(policy)).get(file, USE, ANY)
    assert "later" not in str(caught.value)
    assert "files" not in browser.stored()
    return caught.value


@pytest.mark.parametrize("token", [None, "hf_of_a_stranger"])
async def test_a_gated_model(server: HuggingFaceServer, browser: Browser, token: str | None) -> None:
    server.hub.gated = True
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    error = await refused(browser, REFUSED, HubPolicy(headers=headers))
    for word in ("terms", "token"):
        assert word in str(error)
    if server.exposed:
        assert isinstance(error, AccessDenied)
        assert (error.model, error.code) == (MODEL, "GatedRepo")
        assert "gated" in str(error)

    hub = await browser.visit(HubPolicy(headers={"Authorization": f"Bearer {TOKEN}"}))
    for path in (CONFIG, WEIGHTS):
        assert (await get(hub, path)).integrity == "hub"


async def test_a_typo_in_the_model(server: HuggingFaceServer, browser: Browser) -> None:
    error = await refused(browser, ModelFile("org/modle", "main", CONFIG))
    assert "check the name" in str(error)
    assert isinstance(error, FileNotFoundOnHub if server.exposed else AccessDenied)


async def test_a_typo_in_the_revision(server: HuggingFaceServer, browser: Browser) -> None:
    error = await refused(browser, ModelFile(MODEL, "v11", CONFIG))
    assert isinstance(error, FileNotFoundOnHub)
    assert ("has no revision v11" if server.exposed else "revision v11: check both names") in str(error)


async def test_a_typo_in_the_file(server: HuggingFaceServer, browser: Browser) -> None:
    error = await refused(browser, ModelFile(MODEL, "main", "confg.json"))
    assert isinstance(error, FileNotFoundOnHub)
    assert error.code == ("EntryNotFound" if server.exposed else None)
    assert "The hub has no confg.json" in str(error)


async def test_a_blocked_model(server: HuggingFaceServer, browser: Browser) -> None:
    server.hub.status = 451
    error = await refused(browser, REFUSED)
    assert isinstance(error, AccessDenied)
    assert "blocked for legal reasons" in str(error)


async def test_a_model_that_was_taken_down(server: HuggingFaceServer, browser: Browser) -> None:
    server.hub.status = 403
    assert "taken down" in str(await refused(browser, REFUSED))


async def test_a_stored_model_works_when_it_is_gated_later(server: HuggingFaceServer, browser: Browser) -> None:
    await get(await browser.visit(), WEIGHTS)
    server.hub.gated = True
    assert await (await get(await browser.visit(), WEIGHTS)).blob.read() == BIG


def test_the_storage_has_tags_that_look_like_hashes(server: HuggingFaceServer) -> None:
    """Or these tests would show nothing."""
    response = httpx.get(f"{server.url}/{MODEL}/resolve/main/{WEIGHTS}")
    assert response.status_code == 302
    stored = httpx.get(response.headers["location"])
    assert stored.content == BIG
    assert response.headers["x-linked-etag"] == f'"{hashlib.sha256(BIG).hexdigest()}"'
    assert len(stored.headers["etag"]) == 66
    assert stored.headers["etag"] != response.headers["x-linked-etag"]
