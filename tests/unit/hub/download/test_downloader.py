"""Equal bytes are linked; what the hub does not give comes from a mirror, where its hash is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from modelden.errors import (
    HttpError,
    IntegrityError,
)
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.policy import HubPolicy
from tests.faults.hub import Fault, FaultyHub
from tests.unit.hub.browser import BIG, CONFIG, FILES, PATH, SIGNED, USE, WEIGHTS, WHOLE, Browser, Manifest

MAIN = ModelFile("org/model", "main", "config.json")
TREE = "/api/models/org/model/tree/v1"
SHA256 = hashlib.sha256(BIG).hexdigest()
DOWN = [Fault(status=503)] * 4
"""As often as a download is tried."""


@pytest.fixture
def mirror() -> Iterator[FaultyHub]:
    hub = FaultyHub(dict(FILES))
    with RunningServer(hub) as server:
        hub.files["url"] = server.url.encode()
        yield hub


def policy_with(mirror: FaultyHub) -> HubPolicy:
    return HubPolicy(mirrors=(HubAddress(mirror.files["url"].decode(), "{model}/{revision}"),))


async def test_a_mirror_is_asked_by_the_hash_of_an_interrupted_response(browser: Browser, mirror: FaultyHub) -> None:
    browser.hub.next(Fault(cut_after=len(BIG) // 2), *DOWN)
    kept = await browser.get(policy=policy_with(mirror))
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")
    assert mirror.asked() == [PATH]
    assert TREE not in browser.hub.asked()


async def test_a_mirror_is_asked_by_the_hash_of_a_response_with_wrong_bytes(
    browser: Browser, mirror: FaultyHub
) -> None:
    browser.hub.next(Fault(body=bytes(len(BIG))))
    assert await (await browser.get(policy=policy_with(mirror))).blob.read() == BIG


async def test_a_mirror_is_asked_by_the_hash_in_the_headers_of_a_branch(browser: Browser, mirror: FaultyHub) -> None:
    await browser.get(MAIN)
    browser.hub.files["/org/model/main/config.json"] = mirror.files["/org/model/main/config.json"] = b'{"new": true}'
    browser.hub.next(*DOWN)
    kept = await browser.get(MAIN, policy_with(mirror))
    assert (await kept.blob.read(), kept.integrity) == (b'{"new": true}', "hub")
    assert mirror.asked() == ["/org/model/main/config.json"]


async def test_a_mirror_is_asked_by_the_hash_in_the_list_of_the_repository(browser: Browser, mirror: FaultyHub) -> None:
    listed = [{"type": "file", "path": WEIGHTS.file, "size": len(BIG), "lfs": {"oid": SHA256}}]
    browser.hub.files[TREE] = json.dumps(listed).encode()
    browser.hub.next(*DOWN)
    kept = await browser.get(policy=policy_with(mirror))
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")
    assert browser.hub.asked() == [*[PATH] * len(DOWN), TREE]


async def test_other_bytes_of_a_mirror_are_refused(browser: Browser, mirror: FaultyHub) -> None:
    mirror.files[PATH] = BIG[::-1]
    browser.hub.next(Fault(cut_after=len(BIG) // 2), *DOWN)
    with pytest.raises(IntegrityError, match=SHA256):
        await browser.get(policy=policy_with(mirror))
    assert "files" not in browser.stored()


async def test_without_a_hash_no_mirror_is_asked(browser: Browser, mirror: FaultyHub) -> None:
    browser.hub.next(*DOWN)
    with pytest.raises(HttpError, match="answered 503"):
        await browser.get(policy=policy_with(mirror))
    assert mirror.log == []


async def test_equal_files_are_stored_once_and_deleted_with_the_last(browser: Browser) -> None:
    await browser.get()
    await browser.get(ModelFile("org/other", "v1", "onnx/model.onnx"))
    assert browser.stored() == {"headers": 2, "engines": 2, "tasks": 2, "files": 2, "chunks": len(BIG)}

    hub = await browser.visit()
    await hub.store.delete_models(model="localhost/org/model", revision="v1")
    assert browser.stored() == WHOLE
    other = await browser.get(ModelFile("org/other", "v1", "onnx/model.onnx"))
    assert await other.blob.read() == BIG
    await hub.store.delete_models(model="localhost/org/other", revision="v1")
    assert browser.stored() == {}


async def test_a_new_revision_with_the_same_tag_is_not_downloaded(browser: Browser) -> None:
    await browser.get()
    kept = await browser.get(ModelFile("org/model", "v2", "onnx/model.onnx"))

    assert await kept.blob.read() == BIG
    assert browser.hub.asked() == [PATH]
    assert browser.hub.asked("HEAD") == ["/org/model/v2/onnx/model.onnx"]


async def test_the_signed_manifest_counts_before_the_hub(browser: Browser) -> None:
    forged = Fault(body=BIG[::-1], etag=f'"{hashlib.sha256(BIG[::-1]).hexdigest()}"')
    browser.hub.next(forged)
    hub = await browser.visit(manifests=Manifest(SIGNED))
    with pytest.raises(IntegrityError, match=f"expected SHA-256 {SIGNED.sha256}"):
        await hub.get(WEIGHTS, USE, AllowList((), ()))
    assert browser.stored() == {}

    assert (await hub.get(WEIGHTS, USE, AllowList((), ()))).integrity == "signed"
    other = await hub.get(ModelFile("org/other", "v1", "onnx/model.onnx"), USE, AllowList((), ()))
    assert await other.blob.read() == BIG
    assert browser.hub.asked() == [PATH, PATH]


async def test_a_mirror_is_asked_for_what_has_a_hash(browser: Browser) -> None:
    mirror = FaultyHub(dict(FILES))
    browser.hub.always = Fault(status=503)
    with RunningServer(mirror) as server:
        policy = HubPolicy(mirrors=(HubAddress(server.url, "{model}/{revision}"),))
        with pytest.raises(HttpError):
            await browser.get(policy=policy)
        assert mirror.log == []

        hub = await browser.visit(policy, Manifest(SIGNED))
        mirror.next(Fault(body=bytes(len(BIG))))
        with pytest.raises(IntegrityError):
            await hub.get(WEIGHTS, USE, AllowList((), ()))
        assert (await hub.get(WEIGHTS, USE, AllowList((), ()))).sha256 == SIGNED.sha256
        (stored,) = await hub.store.list_files("localhost/org/model", "v1")
        assert stored.hub == server.url


@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(body=bytes(len(BIG))), Fault(html=True)], ids=["404", "other bytes", "web page"]
)
async def test_a_mirror_is_asked_for_what_the_hub_does_not_have_right(browser: Browser, fault: Fault) -> None:
    browser.hub.always = replace(fault, etag="")  # no hash is told, and nobody asks a mirror
    mirror = FaultyHub(dict(FILES))
    with RunningServer(mirror) as server:
        policy = HubPolicy(mirrors=(HubAddress(server.url, "{model}/{revision}"),))
        with pytest.raises((HttpError, IntegrityError)):
            await (await browser.visit(policy)).get(CONFIG, USE, AllowList((), ()))
        assert mirror.log == []

        browser.hub.always = fault
        kept = await (await browser.visit(policy, Manifest(SIGNED))).get(WEIGHTS, USE, AllowList((), ()))
        assert (kept.sha256, kept.integrity) == (SIGNED.sha256, "signed")
        assert browser.stored() == WHOLE
