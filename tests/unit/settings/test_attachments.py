from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest

from modelden.core.events import ProgressEvent
from modelden.errors import (
    HttpError,
    IntegrityError,
    InvalidRecord,
    InvalidResponse,
    ModelDenError,
    NetworkError,
    QuotaExceeded,
)
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.settings.changeset import Record
from modelden.settings.service import SettingsService
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN, WASM

RUNTIMES = "ml-onnx-runtime"
CID = f"main/{RUNTIMES}"
PATH = "/attachments/main-workspace/ml-onnx-runtime/runtime.wasm"


async def opened(profile: Profile) -> tuple[SettingsService, Record]:
    """A new page's settings, and the record of the runtime."""
    service = await profile.visit().settings()
    (record,) = await service.client.get(RUNTIMES)
    profile.requests()
    return service, record


async def stored(profile: Profile) -> list[Any]:
    return await profile.databases["remote-settings"].get_all("attachments")


async def test_an_attachment_is_fetched_once_and_kept(profile: Profile) -> None:
    service, record = await opened(profile)
    cold = await service.attachments.get(CID, record)

    assert await cold.read() == WASM
    assert profile.requests() == [f"GET {PATH}"]
    assert await (await service.attachments.get(CID, record)).read() == WASM
    service, record = await opened(profile)
    assert await (await service.attachments.get(CID, record)).read() == WASM
    assert profile.requests() == []


async def test_its_row_is_firefoxs(profile: Profile) -> None:
    service, record = await opened(profile)
    blob = await service.attachments.get(CID, record)

    assert await stored(profile) == [
        {"cid": CID, "attachmentId": "runtime", "attachment": {"record": record, "blob": blob}}
    ]


async def test_its_bytes_are_reported_when_they_come(profile: Profile) -> None:
    service, record = await opened(profile)
    cold: list[ProgressEvent] = []
    warm: list[ProgressEvent] = []
    await service.attachments.get(CID, record, cold.append)
    await service.attachments.get(CID, record, warm.append)

    assert {event.type for event in cold} == {"loading_runtime"}
    assert [event.status_text for event in (cold[0], cold[1], cold[-1])] == ["initiate", "size_estimate", "done"]
    assert cold[-2].total_loaded == cold[-2].total == len(WASM)
    assert sum(event.current_loaded or 0 for event in cold) == len(WASM)
    assert [event.status_text for event in warm] == ["initiate", "done"]


async def test_parallel_requests_share_one_download(profile: Profile) -> None:
    service, record = await opened(profile)
    blobs = await asyncio.gather(*(service.attachments.get(CID, record) for _ in range(4)))

    assert {blob.size for blob in blobs} == {len(WASM)}
    assert profile.requests() == [f"GET {PATH}"]


FAULTS: dict[str, tuple[Fault, type[ModelDenError], str]] = {
    "missing": (Fault(path=PATH, status=404), HttpError, "answered 404"),
    "an error": (Fault(path=PATH, status=500), HttpError, "answered 500"),
    "no CORS": (Fault(path=PATH, drop_cors=True), NetworkError, "Access-Control-Allow-Origin"),
    "HTML with status 200": (Fault(path=PATH, body="<html>"), IntegrityError, f"expected {len(WASM)} bytes, got 6"),
    "empty": (Fault(path=PATH, body=""), IntegrityError, f"expected {len(WASM)} bytes, got 0 bytes"),
    "another content of the same size": (
        Fault(path=PATH, body="x" * len(WASM)),
        IntegrityError,
        f"expected SHA-256 {hashlib.sha256(WASM).hexdigest()}, got {hashlib.sha256(b'x' * len(WASM)).hexdigest()}",
    ),
    "too large": (Fault(path=PATH, body="x" * (len(WASM) + 1)), IntegrityError, f"expected {len(WASM)} bytes, got mor"),
    "far too large": (Fault(path=PATH, body="x" * (40 * len(WASM))), IntegrityError, "got more than"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_wrong_attachment_is_refused_after_three_tries(
    profile: Profile, application: Application, fault: str
) -> None:
    rule, error, words = FAULTS[fault]
    service, record = await opened(profile)
    application.faults.set(rule)
    events: list[ProgressEvent] = []

    with pytest.raises(ModelDenError) as caught:
        await service.attachments.get(CID, record, events.append)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert f"{ORIGIN}{PATH}" in str(caught.value)
    assert profile.requests() == [f"GET {PATH}"] * 3
    assert await stored(profile) == []
    assert (events[-1].status_text, events[-1].ok) == ("done", False)

    application.faults.set()
    assert await (await service.attachments.get(CID, record)).read() == WASM


async def test_a_fault_that_passes_is_tried_over(profile: Profile, application: Application) -> None:
    service, record = await opened(profile)
    rule, _, _ = FAULTS["another content of the same size"]
    application.faults.set(Fault(path=rule.path, body=rule.body, times=1), Fault(path=PATH, status=503, times=1))

    assert await (await service.attachments.get(CID, record)).read() == WASM
    assert profile.requests() == [f"GET {PATH}"] * 3


async def test_a_new_version_takes_the_place_of_the_old_one(
    profile: Profile, application: Application, tree: Any
) -> None:
    service, record = await opened(profile)
    await service.attachments.get(CID, record)
    new = b"\0asm new"
    (tree / "attachments/main-workspace/ml-onnx-runtime/new.wasm").write_bytes(new)
    attachment = {"location": "main-workspace/ml-onnx-runtime/new.wasm", "size": len(new)}
    attachment["hash"] = hashlib.sha256(new).hexdigest()
    application.collections["main", RUNTIMES].update("runtime", version="5.1", attachment=attachment)
    (record,) = await service.client.get(RUNTIMES, force_sync=True)

    assert await (await service.attachments.get(CID, record)).read() == new
    (row,) = await stored(profile)
    assert await row["attachment"]["blob"].read() == new


async def test_a_record_that_is_gone_takes_its_attachment_along(profile: Profile, application: Application) -> None:
    service, record = await opened(profile)
    await service.attachments.get(CID, record)
    application.collections["main", RUNTIMES].delete("runtime")
    await service.client.get(RUNTIMES, force_sync=True)

    assert await stored(profile) == []


async def test_the_same_file_under_another_record_is_not_fetched_again(
    profile: Profile, application: Application
) -> None:
    service, record = await opened(profile)
    await service.attachments.get(CID, record)
    application.collections["main", RUNTIMES].publish({**record, "id": "copy", "version": "5.1"})
    records = await service.client.get(RUNTIMES, force_sync=True)
    profile.requests()
    (copy,) = [each for each in records if each["id"] == "copy"]

    assert await (await service.attachments.get(CID, copy)).read() == WASM
    assert profile.requests() == []


async def test_a_full_disk_keeps_nothing_and_the_next_try_works(profile: Profile) -> None:
    service, record = await opened(profile)
    await profile.fill("remote-settings")
    with pytest.raises(QuotaExceeded):
        await service.attachments.get(CID, record)
    assert await stored(profile) == []

    await profile.fill("remote-settings", full=False)
    assert await (await service.attachments.get(CID, record)).read() == WASM


@pytest.mark.parametrize(
    "attachment",
    [None, {}, {"location": "x", "size": 1, "hash": "short"}, {"location": "x", "size": "1", "hash": "ab" * 32}],
    ids=repr,
)
async def test_a_record_without_a_usable_attachment_is_refused(profile: Profile, attachment: object) -> None:
    service, record = await opened(profile)

    with pytest.raises(InvalidRecord, match="The record runtime of Remote Settings should have an attachment"):
        await service.attachments.get(CID, {**record, "attachment": attachment})
    assert profile.requests() == []


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("{}", InvalidResponse),
        ('{"capabilities": []}', InvalidResponse),
        ('{"capabilities": {"attachments": null}}', InvalidResponse),
        ("<html>", InvalidResponse),
    ],
)
async def test_a_root_page_that_does_not_tell_where_attachments_are(
    profile: Profile, application: Application, page: str, error: type[ModelDenError]
) -> None:
    application.faults.set(Fault(path="/v1/", body=page))
    service, record = await opened(profile)

    with pytest.raises(error, match=f"{ORIGIN}/v1/"):
        await service.attachments.get(CID, record)
    assert await stored(profile) == []


async def test_the_root_page_says_where_attachments_are(profile: Profile, application: Application) -> None:
    base = "http://cdn.localhost:8642/attachments/"
    page = {"capabilities": {"attachments": {"base_url": base}}}
    application.faults.set(Fault(path="/v1/", body=json.dumps(page)))
    service, record = await opened(profile)
    application.faults.set(Fault(path=PATH, status=404))

    with pytest.raises(HttpError) as caught:
        await service.attachments.get(CID, record)
    assert caught.value.url.startswith(base)


async def test_a_cut_attachment_is_refused(socket_profile: Profile, application: Application) -> None:
    service, record = await opened(socket_profile)
    application.faults.set(Fault(path=PATH, cut_after=100_000))
    with pytest.raises(NetworkError, match="the connection broke before the end of the file"):
        await service.attachments.get(CID, record)
    assert await stored(socket_profile) == []

    application.faults.set()
    assert await (await service.attachments.get(CID, record)).read() == WASM
